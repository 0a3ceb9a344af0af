"""`python -m streaming_code_generator`, the same as the console script."""

import os
import sys

# `python -m` looks for modules in the working directory first. That may be a stranger's project,
# whose `pygls.py` is not to be executed.
if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109 - as the interpreter spells it
    del sys.path[0]

from streaming_code_generator.cli import run_and_exit

run_and_exit()
