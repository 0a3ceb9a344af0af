"""The names that plug-ins spell, of which `editors/wire.json` is made."""

from typing import get_args

from streaming_code_generator.lsp.wire.names import (
    COMMANDS,
    DID_UNDO,
    DID_UPDATE_GENERATION,
    SERVER_NAME,
    GenerationState,
)
from streaming_code_generator.settings.declarations import SECTION, SPECS
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
        "serverName": SERVER_NAME,
        "section": SECTION,
        "commands": {command.rpartition(".")[2]: command for command in COMMANDS},
        "notifications": {
            "didUpdateGeneration": DID_UPDATE_GENERATION,
            "didUndo": DID_UNDO,
        },
        "generationStates": list(get_args(GenerationState)),
        "initializationOptions": {
            "apiKey": API_KEY,
            "apiKeyOrigin": API_KEY_ORIGIN,
            "endpointSettingsAreMachineScoped": MACHINE_SCOPED,
            "generationUpdates": GENERATION_UPDATES,
            "undoNotifications": UNDO_NOTIFICATIONS,
        },
        "settings": [spec.camel_name for spec in SPECS.values()],
    }
