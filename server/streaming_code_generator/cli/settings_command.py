"""Settings on the command line: options that stand for them, and the commands `settings` and `key`.

`settings` is hidden. Run it after a change of a setting, so that README and `package.json` say what
the code says. `key` stores an endpoint's key in the operating system's keychain, or deletes it.
"""

import argparse
import json
import subprocess
from collections.abc import Iterable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from streaming_code_generator.cli.terminal import notify, show
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.settings import (
    OPENAI_BASE_URL,
    SPECS,
    ModelSelection,
    ResolvedSettings,
    SettingsSources,
    resolve,
)
from streaming_code_generator.settings.declarations import SECTION, Scope, SettingSpec
from streaming_code_generator.settings.endpoints import keychain_command, origin_of
from streaming_code_generator.settings.kinds import Choice, JsonSchema

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a format."""
    parser.add_argument(
        "--format",
        choices=("markdown", "vscode", "vscode-restricted", "wire"),
        default="markdown",
        help="a table, VS Code's configuration properties, its restricted settings, or all "
        "names that plug-ins spell (editors/wire.json)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the settings in that format."""
    if arguments.format == "markdown":
        show(markdown_table())
        return 0
    if arguments.format == "wire":
        from streaming_code_generator.lsp.wire.exported import wire_names  # noqa: PLC0415 - 0.4 s

        shown: object = wire_names()
    else:
        shown = vscode_properties() if arguments.format == "vscode" else vscode_restricted()
    show(json.dumps(shown, indent=2) + "\n")
    return 0


PER_FOLDER = frozenset(
    {
        "model",
        "timeout_seconds",
        "first_chunk_timeout_seconds",
        "stall_timeout_seconds",
        "max_retries",
        "max_output_tokens",
        "temperature",
        "reasoning_effort",
        "chunk_size",
        "system_prompt",
        "insert_explanation",
        "edits",
    }
)
"""What each folder of a window may set for itself: what concerns one generation and no other."""

_WORKSPACE_WORDS = {Scope.ANYWHERE: "yes", Scope.USER: "no", Scope.TRUST: "no"}


def markdown_table() -> str:
    """Return the settings as a Markdown table, in the order of their declaration."""
    rows = [
        ("Setting", "Value", "Default", "From a workspace", "What it does"),
        ("---", "---", "---", "---", "---"),
        *(
            (
                f"`{spec.camel_name}`",
                spec.kind.summary,
                _default(spec),
                _WORKSPACE_WORDS[spec.scope],
                spec.description,
            )
            for spec in SPECS.values()
        ),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def vscode_properties() -> dict[str, JsonSchema]:
    """Return VS Code's `contributes.configuration.properties`.

    Nothing has a default there: VS Code sends a declared default as if the user had set it, and
    it would win over the environment and `config.toml`.
    """
    properties = {}
    for spec in _in_editors():
        scope = "resource" if spec.name in PER_FOLDER else "window"
        if _is_machine_scoped(spec):
            scope = "machine"
        properties[f"{SECTION}.{spec.camel_name}"] = {
            **_nullable(spec),
            "markdownDescription": f"{spec.description} Default: {_default(spec)}.",
            "scope": scope,
        }
    return properties


def vscode_restricted() -> list[str]:
    """Return VS Code's `restrictedConfigurations`: settings that an untrusted folder cannot set."""
    return [f"{SECTION}.{spec.camel_name}" for spec in _in_editors() if _is_machine_scoped(spec)]


def _in_editors() -> Iterable[SettingSpec]:
    return (spec for spec in SPECS.values() if spec.scope is not Scope.TRUST)


def _nullable(spec: SettingSpec) -> JsonSchema:
    """Return the schema with a value for "not set": `null`, or the empty text."""
    schema = spec.kind.schema()
    if isinstance(spec.kind, Choice):
        # The settings editor would show "not set" as the word null.
        labels = [f"Default ({_default(spec).strip('`')})", *map(_word, spec.kind.values)]
        return {"enum": [None, *spec.kind.values], "enumItemLabels": labels, "default": None}
    if schema["type"] == "string":
        return {**schema, "default": ""}
    return {**schema, "type": [schema["type"], "null"], "default": None}


def _is_machine_scoped(spec: SettingSpec) -> bool:
    return spec.scope is Scope.USER


def _default(spec: SettingSpec) -> str:
    if spec.default is None or spec.default == ():
        return "unset"
    if isinstance(spec.default, float):
        return f"`{spec.default:g}`"
    return f"`{_word(spec.default)}`"


def _word(value: object) -> str:
    return "false" if value is False else str(value)


def add_key_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, and for which endpoint."""
    parser.add_argument("action", choices=("set", "delete"), help="store a key, or delete it")
    parser.add_argument(
        "--base-url",
        type=lambda text: setting_value("base_url", text),
        help="the endpoint; else the one that is set",
    )


def run_key(arguments: argparse.Namespace) -> int:
    """Have the keychain's program ask for the key: it does not pass through here.

    Raises:
        ConfigurationError: That program is not installed.
    """
    if find_spec("keyring") is None:
        raise ConfigurationError(
            "The package keyring is not installed beside the server: install "
            "`streaming-code-generator[keyring]`."
        )
    own = resolve(SettingsSources.of_process()).settings.base_url
    base_url = arguments.base_url or own or OPENAI_BASE_URL
    action: Literal["set", "del"] = "set" if arguments.action == "set" else "del"
    ended = subprocess.run(  # noqa: S603 - the package's own interpreter
        keychain_command(action, base_url), cwd=Path.home(), check=False
    )
    if ended.returncode == 0:
        done = "is stored: set `keyring` to true to use it" if action == "set" else "is deleted"
        notify(f"The key for {origin_of(base_url)} {done}.")
    return ended.returncode
