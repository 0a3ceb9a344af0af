"""`settings`, a hidden command: the settings as the documents and the editors' manifests need them.

It is run by whoever changes a setting, so that README and `package.json` say what the code says.
"""

import argparse
import json

from streaming_code_generator.cli.terminal import show
from streaming_code_generator.settings.table import (
    markdown_table,
    vscode_properties,
    vscode_restricted,
)


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
    else:
        show(json.dumps(_object(arguments.format), indent=2) + "\n")
    return 0


def _object(form: str) -> object:
    if form == "wire":
        from streaming_code_generator.lsp.wire_names import wire_names  # noqa: PLC0415 - 0.4 s

        return wire_names()
    return vscode_properties() if form == "vscode" else vscode_restricted()
