"""One document, however its URI is spelled.

Clients escape different characters, in upper or lower case, and write Windows drives either way:
`file:///C:/a b.py` and `file:///c%3a/a%20b.py` are the same file. Documents are therefore looked
up by a key; what goes to the client is always its own spelling.
"""

import re
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urlsplit

_DRIVE = re.compile(r"/[A-Z]:")


def is_uri(text: str) -> bool:
    """Return whether a text can be taken apart as a URI; `file://[` cannot."""
    try:
        urlsplit(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def document_key(uri: str) -> str:
    """Return what is equal for all spellings of a URI; what is no URI stands for itself."""
    if not is_uri(uri):
        return uri
    parts = urlsplit(uri)
    host = "" if parts.scheme == "file" and parts.netloc == "localhost" else parts.netloc.lower()
    # An escaped slash is part of a name: segments are unescaped one by one.
    path = "/".join(quote(unquote_to_bytes(segment), safe=":") for segment in parts.path.split("/"))
    if parts.scheme == "file" and _DRIVE.match(path):
        path = path.lower()[:2] + path[2:]
    return f"{parts.scheme}://{host}{path}?{_unescaped(parts.query)}#{_unescaped(parts.fragment)}"


def _unescaped(part: str) -> str:
    return quote(unquote_to_bytes(part), safe="")
