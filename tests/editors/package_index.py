"""What an installation of the server needs: a checkout, and what this machine has."""

import os
import re
import shutil
import sysconfig
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_SETTINGS = ("PIP_", "SSL_", "UV_", "REQUESTS_", "HTTP", "NO_PROXY")


def copy_checkout(folder: Path, plug_in: str) -> Path:
    """Copy what a clone has of the server and a plug-in; with `packages_of_tests` it is complete.

    It names no dependencies: resolving and unpacking them, which CI does with the README's own
    commands, takes most of an installation's time.
    """
    for name in ("server", f"editors/{plug_in}"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_ROOT / name, folder / name, ignore=ignored)
    for name in ("README.md", "LICENSE"):
        shutil.copy(_ROOT / name, folder)
    project = (_ROOT / "pyproject.toml").read_text()
    for name in ("dependencies", "embedded"):
        requirements = rf"(?m)^{name} = \[[^\]]*(\[[^\]]*\][^\]]*)*\]$"
        project, count = re.subn(requirements, f"{name} = []", project)
        assert count == 1, name
    (folder / "pyproject.toml").write_text(project)
    return folder


def index_settings() -> dict[str, str]:
    """Return how this machine reaches its package index, and uv's cache."""
    cache = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
    own = {k: v for k, v in os.environ.items() if k.upper().startswith(_SETTINGS)}
    return own | {"UV_CACHE_DIR": cache}


def packages_of_tests() -> dict[str, str]:
    """Return what makes an installed server find the dependencies that the tests have."""
    return {"PYTHONPATH": sysconfig.get_path("purelib")}
