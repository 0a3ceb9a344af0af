"""The command line: one module for each command, imported only when it is called."""

from streaming_code_generator.cli.main import main

__all__ = ["main"]
