"""The names that plug-ins spell are the server's own."""

import json
from pathlib import Path

from streaming_code_generator.lsp.wire.exported import wire_names

EDITORS = Path(__file__).parents[2] / "editors"


def test_wire_file_is_fresh() -> None:
    """Write it anew with `uv run poe regenerate` when this fails."""
    assert json.loads((EDITORS / "wire.json").read_text(encoding="utf-8")) == wire_names()
