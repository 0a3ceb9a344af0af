

"""One document, however its URI is spelled, and by what name it goes on after a rename.

Clients escape different characters, in upper or lower case, and write Windows drives either way:
`file:///C:/a b.py` and `file:///c%3a/a%20b.py` are the same file. Documents are therefore looked
up by a key; what goes to the client is always its own spelling.
"""

import re
import time
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urlsplit

from streaming_code_generator.lsp.wire import is_uri

_DRIVE = re.compile(r"/[A-Z]:")


@lru_cache(maxsize=1024)
def document_key(uri: str) -> str:
    """Return what is equal for all spellings of a URI; what is no URI stands for itself."""
    if not is_uri(uri):
        return uri
    # One key for `file:///C:/a b.py`, `file:///c%3A/a%20b.py` and `file://localhost/c:/a%20b.py`:
    # `file:///c:/a%20b.py?#`.
    parts = urlsplit(uri)
    host = "" if parts.scheme == "file" and parts.netloc == "localhost" else parts.netloc.lower()
    # An escaped slash is part of a name: segments are unescaped one by one.
    path = "/".join(quote(unquote_to_bytes(segment), safe=":") for segment in parts.path.split("/"))
    if parts.scheme == "file" and _DRIVE.match(path):
        path = path.lower()[:2] + path[2:]
    return f"{parts.scheme}://{host}{path}?{_unescaped(parts.query)}#{_unescaped(parts.fragment)}"


def _unescaped(part: str) -> str:
    return quote(unquote_to_bytes(part), safe="")


MEMORY_S = 5.0
"""How long a rename explains that one document is closed and another opened. A rename that was
only announced may not have come about."""


class Renames:
    """Renames by the keys of URIs; they are followed at most one step."""

    def __init__(self) -> None:
        self._renames: dict[str, tuple[str, float]] = {}

    def note(self, old_uri: str, new_uri: str) -> None:
        """Remember a rename."""
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
                # Of `/old` to `/new`: `/old/a.py` becomes `/new/a.py`, and `/older` stays.
                path, end, rest = key.partition("?")
                if path == old or path.startswith(f"{old}/"):
                    return f"{new}{path[len(old) :]}{end}{rest}"
        return None


def _stem(uri: str) -> str:
    """Return what the keys of a file, or of everything in a folder, begin with."""
    return document_key(uri).partition("?")[0].rstrip("/")
