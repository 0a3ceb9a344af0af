"""Which URIs can be used."""

from urllib.parse import urlsplit


def is_uri(text: str) -> bool:
    """Return whether a text can be taken apart as a URI; `file://[` cannot."""
    try:
        urlsplit(text)
    except ValueError:
        return False
    return True
