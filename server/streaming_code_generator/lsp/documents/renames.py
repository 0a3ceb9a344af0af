"""Which files and folders the client has renamed lately, or is about to rename."""

import time

from streaming_code_generator.lsp.documents.uris import document_key

MEMORY_S = 5.0
"""How long a rename explains that one document is closed and another opened. A rename that was
only announced may not have come about."""


class Renames:
    """Renames by the keys of URIs; they are followed at most one step."""

    def __init__(self) -> None:
        self._renames: dict[str, tuple[str, float]] = {}

    def note(self, old_uri: str, new_uri: str) -> None:
        """Take note of a rename."""
        now_s = time.monotonic()
        self._renames = {
            key: (new, noted_s)
            for key, (new, noted_s) in self._renames.items()
            if now_s - noted_s <= MEMORY_S
        }
        self._renames[_stem(old_uri)] = _stem(new_uri), now_s

    def target(self, key: str) -> str | None:
        """Return the key under which a document goes on, or None if it was not renamed."""
        now_s = time.monotonic()
        for old, (new, noted_s) in self._renames.items():
            if now_s - noted_s <= MEMORY_S:
                path, end, rest = key.partition("?")
                if path == old or path.startswith(f"{old}/"):
                    return f"{new}{path[len(old) :]}{end}{rest}"
        return None


def _stem(uri: str) -> str:
    """Return what the keys of a file, or of everything in a folder, begin with."""
    return document_key(uri).partition("?")[0].rstrip("/")
