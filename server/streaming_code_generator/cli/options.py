"""Options that stand for settings, and the settings that come of them."""

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from streaming_code_generator.settings import (
    SPECS,
    ModelSelection,
    ResolvedSettings,
    SettingsSources,
    resolve,
)

_OPTIONS: Mapping[str, tuple[str, str]] = {
    "provider": ("provider", "auto, openai or embedded"),
    "base-url": ("base_url", "an OpenAI-compatible endpoint"),
    "model": ("model", "the model to ask the endpoint for"),
    "embedded-model": ("embedded_model", "an embedded model, as `model list` names it"),
    "model-path": ("model_path", "a GGUF file to use as the embedded model"),
    "timeout": ("timeout_seconds", "seconds for the whole generation"),
    "max-tokens": ("max_output_tokens", "the most tokens to generate"),
    "temperature": ("temperature", "the sampling temperature, 0 to 2"),
    "retries": ("max_retries", "retries after the first attempt"),
}
"""By the option's name: the setting, and the help."""


def add_setting_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand for settings; they go before every other source."""
    group = parser.add_argument_group("settings")
    for option, (setting, text) in _OPTIONS.items():
        metavar = option.rpartition("-")[2].upper()
        value_of = partial(setting_value, setting)
        group.add_argument(f"--{option}", dest=setting, help=text, type=value_of, metavar=metavar)
    group.add_argument("--profile", metavar="NAME", help="one of those that `profiles` has")


def setting_value(setting: str, text: str) -> object:
    """Return the setting's value; what a user types is refused where elsewhere it is ignored.

    Raises:
        argparse.ArgumentTypeError: It cannot be used.
    """
    kind = SPECS[setting].kind
    # A path on the command line is relative to where the command is called.
    spelled = str(Path(text).expanduser().absolute()) if setting == "model_path" else text
    try:
        return kind.parse_text(spelled)
    except ValueError as error:
        found = f", not {text!r}" if kind.may_be_shown else ""
        raise argparse.ArgumentTypeError(f"must be {kind.summary}{found}") from error


def resolve_options(arguments: argparse.Namespace) -> ResolvedSettings:
    """Return the settings for this process in its working directory.

    Raises:
        ConfigurationError: The profile that is asked for cannot be used.
    """
    given = {setting: getattr(arguments, setting) for setting, _ in _OPTIONS.values()}
    if given["model_path"] is not None:
        given["model_path"] = str(given["model_path"])
    sources = SettingsSources.of_process(workspace_root=Path.cwd(), command_line=given)
    resolved = resolve(sources)
    return resolved.for_request(ModelSelection(profile=arguments.profile))
