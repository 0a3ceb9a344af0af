"""Settings: what can be set, where it is read from, and whom it is believed."""

from streaming_code_generator.settings.declarations import (
    SECTION,
    SPECS,
    Scope,
    Settings,
    SettingSpec,
)
from streaming_code_generator.settings.endpoints import OPENAI_BASE_URL
from streaming_code_generator.settings.origins import Origin, Source
from streaming_code_generator.settings.resolve import ModelSelection, ResolvedSettings, resolve
from streaming_code_generator.settings.secret import Secret
from streaming_code_generator.settings.sources import SettingsSources, user_file_path

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
