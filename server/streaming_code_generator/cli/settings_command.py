"""`settings`, a hidden command: the settings as the documents and the editors' manifests need them.

Run it after a change of a setting, so that README and `package.json` say what the code says.
"""

import argparse
import json
from collections.abc import Iterable

from streaming_code_generator.cli.terminal import show
from streaming_code_generator.settings.declarations import SECTION, SPECS, Scope, SettingSpec
from streaming_code_generator.settings.kinds import Choice, JsonSchema


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
        from streaming_code_generator.lsp.wire import wire_names  # noqa: PLC0415 - 0.4 s

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
