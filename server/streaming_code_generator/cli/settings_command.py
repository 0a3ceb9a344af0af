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
        choices=("markdown", "vscode", "vscode-restricted"),
        default="markdown",
        help="a table, VS Code's configuration properties, or its restricted settings",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the settings in that format."""
    if arguments.format == "markdown":
        show(markdown_table())
    else:
        vscode = arguments.format == "vscode"
        show(json.dumps(vscode_properties() if vscode else vscode_restricted(), indent=2) + "\n")
    return 0
