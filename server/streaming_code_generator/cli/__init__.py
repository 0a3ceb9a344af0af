"""The command line: one module for each command, imported only when it is called."""

from streaming_code_generator.cli.main import main, run_and_exit

__all__ = ["main", "run_and_exit"]
