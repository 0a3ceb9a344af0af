"""`python -m streaming_code_generator`, the same as the console script."""

from streaming_code_generator.cli import run_and_exit

run_and_exit()
