"""What an installation of the server needs of this machine."""

import os
import sysconfig
from pathlib import Path

_SETTINGS = ("PIP_", "SSL_", "UV_", "REQUESTS_", "HTTP", "NO_PROXY")


def index_settings() -> dict[str, str]:
    """Return how this machine reaches its package index, and uv's cache."""
    cache = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
    own = {k: v for k, v in os.environ.items() if k.upper().startswith(_SETTINGS)}
    return own | {"UV_CACHE_DIR": cache}


def packages_of_tests() -> dict[str, str]:
    """Return what makes pip, and what was installed, find the dependencies that the tests have.

    Then only the package itself is built and installed, and only its modules are compiled.
    """
    return {"PYTHONPATH": sysconfig.get_path("purelib")}
