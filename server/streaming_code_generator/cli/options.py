"""Options that stand for settings, and the settings that come of them."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from streaming_code_generator.settings import ResolvedSettings, SettingsSources, resolve

_OPTIONS: Mapping[str, tuple[str, str, type]] = {
    "provider": ("provider", "auto, openai or embedded", str),
    "base-url": ("base_url", "an OpenAI-compatible endpoint", str),
    "model": ("model", "the model to ask the endpoint for", str),
    "embedded-model": ("embedded_model", "an embedded model, as `model list` names it", str),
    "model-path": ("model_path", "a GGUF file to use as the embedded model", Path),
    "timeout": ("timeout_seconds", "seconds for the whole generation", float),
    "max-tokens": ("max_output_tokens", "the most tokens to generate", int),
    "temperature": ("temperature", "the sampling temperature, 0 to 2", float),
    "retries": ("max_retries", "retries after the first attempt", int),
}
"""By the option's name: the setting, the help, and the type of its value."""


def add_setting_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand for settings; they go before every other source."""
    group = parser.add_argument_group("settings")
    for option, (setting, text, kind) in _OPTIONS.items():
        metavar = option.rpartition("-")[2].upper()
        group.add_argument(f"--{option}", dest=setting, help=text, type=kind, metavar=metavar)


def resolve_options(arguments: argparse.Namespace) -> ResolvedSettings:
    """Return the settings for this process in its working directory."""
    given = {setting: getattr(arguments, setting) for setting, _, _ in _OPTIONS.values()}
    if given["model_path"] is not None:
        given["model_path"] = str(given["model_path"].expanduser().absolute())
    return resolve(SettingsSources.of_process(workspace_root=Path.cwd(), command_line=given))
