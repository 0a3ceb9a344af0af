"""`usage`: what was generated, for how much, by day, model or endpoint."""

import argparse
import json
from collections.abc import Mapping
from contextlib import closing
from typing import get_args

from streaming_code_generator.cli.terminal import notify, show
from streaming_code_generator.core.attempts import UsageSums
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.usage.attempt_store import STORE_ERRORS, AttemptStore, UsageKey
from streaming_code_generator.usage.ledger import ledger_path, sums_object


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to sum up by, and the form of output."""
    parser.add_argument(
        "--by", choices=get_args(UsageKey), default="day", help="what to sum up by (day)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(arguments: argparse.Namespace) -> int:
    """Print the sums.

    Raises:
        ConfigurationError: The ledger cannot be read.
    """
    path = ledger_path()
    sums: dict[str, UsageSums] = {}
    if path.exists():
        try:
            with closing(AttemptStore(path)) as store:
                sums = store.sums_by(arguments.by)
        except STORE_ERRORS as error:
            raise ConfigurationError(
                f"The ledger `{path}` cannot be read ({error}): close other programs that use it, "
                "or move it away, and a new one begins."
            ) from error
    if arguments.json:
        rows = [{"name": name, **sums_object(each)} for name, each in sums.items()]
        show(json.dumps({"by": arguments.by, "rows": rows}, indent=2) + "\n")
    elif sums:
        show(usage_table(arguments.by, sums))
    else:
        notify(f"Nothing was generated yet; what is will be noted in {path}.")
    return 0


_COLUMNS = (
    *("attempts", "failed", "cancelled", "prompt", "cached", "completion"),
    *("counted by", "cost", "price by"),
)


def usage_table(by: UsageKey, sums: Mapping[str, UsageSums]) -> str:
    """Return the sums as a table of lines; what is counted by estimate is marked with `≈`."""
    rows = [(by, *_COLUMNS), *((name, *_cells(each)) for name, each in sums.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *padded]).rstrip() + "\n")
    return "".join(lines)


def _cells(sums: UsageSums) -> tuple[str, ...]:
    return (
        str(sums.attempts),
        str(sums.failed),
        str(sums.cancelled),
        sums.tokens(sums.prompt_tokens),
        str(sums.cached_tokens),
        sums.tokens(sums.completion_tokens),
        "+".join(sums.token_sources) or "-",
        sums.cost,
        "+".join(sums.cost_sources) or "-",
    )
