"""`model`: its arguments, handed to what does the work."""

import argparse

from rich.console import Console

from streaming_code_generator.cli.model import run_install, run_list


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `list` and `install NAME`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="show the known models and which are here")
    install = actions.add_parser("install", help="fetch a model and check its hash")
    install.add_argument("name", metavar="NAME", help="a name that `model list` shows")


def run(arguments: argparse.Namespace) -> int:
    """List the models, or install the one that is named."""
    console = Console()
    if arguments.action == "install":
        return run_install(arguments.name, console)
    return run_list(console)
