"""Settings: what can be set, where it is read from, and whom it is believed."""

from streaming_code_generator.settings.declarations import (
    SECTION,
    SPECS,
    ModelSelection,
    Scope,
    Settings,
    SettingSpec,
)
from streaming_code_generator.settings.endpoints import OPENAI_BASE_URL
from streaming_code_generator.settings.kinds import Secret
from streaming_code_generator.settings.resolve import ResolvedSettings, resolve
from streaming_code_generator.settings.sources import (
    Origin,
    SettingsSources,
    Source,
    user_file_path,
)

__all__ = [
    "OPENAI_BASE_URL",
    "SECTION",
    "SPECS",
    "ModelSelection",
    "Origin",
    "ResolvedSettings",
    "Scope",
    "Secret",
    "SettingSpec",
    "Settings",
    "SettingsSources",
    "Source",
    "resolve",
    "user_file_path",
]
