"""The names that plug-ins have to spell, as one object: `editors/wire.json` is made from it.

Every plug-in keeps a copy in its own language; a test holds all of them equal to this.
"""

from typing import get_args

from streaming_code_generator.lsp import wire
from streaming_code_generator.settings import SECTION, SPECS
from streaming_code_generator.settings.sources import (
    API_KEY,
    API_KEY_ORIGIN,
    GENERATION_UPDATES,
    MACHINE_SCOPED,
    UNDO_NOTIFICATIONS,
)


def wire_names() -> dict[str, object]:
    """Return commands, settings, announcements, notifications and states by their names."""
    return {
        "serverName": wire.SERVER_NAME,
        "section": SECTION,
        "commands": {command.rpartition(".")[2]: command for command in wire.COMMANDS},
        "notifications": {
            "didUpdateGeneration": wire.DID_UPDATE_GENERATION,
            "didUndo": wire.DID_UNDO,
        },
        "generationStates": list(get_args(wire.GenerationState)),
        "initializationOptions": {
            "apiKey": API_KEY,
            "apiKeyOrigin": API_KEY_ORIGIN,
            "endpointSettingsAreMachineScoped": MACHINE_SCOPED,
            "generationUpdates": GENERATION_UPDATES,
            "undoNotifications": UNDO_NOTIFICATIONS,
        },
        "settings": [spec.camel_name for spec in SPECS.values()],
    }
