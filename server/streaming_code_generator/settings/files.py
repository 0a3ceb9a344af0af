"""The two files that hold settings: the user's `config.toml` and a workspace's `.env`."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

MOST_BYTES = 1_000_000
"""A larger file is no settings file, and reading it would keep an editor waiting."""


def read_toml(path: Path | None, problems: list[str]) -> Mapping[str, object]:
    """Return the file's values; empty, with a problem noted, where it cannot be used."""
    text = _text_of(path, problems)
    if not text:
        return {}
    import tomllib  # noqa: PLC0415 - most users have no such file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        problems.append(f"`{path}` is not valid TOML ({_place(exc)}); it is ignored. Correct it.")
        return {}


def read_dotenv(path: Path | None, problems: list[str]) -> Mapping[str, str]:
    """Return the file's variables, changing no environment.

    Nothing is interpolated: a workspace's `${GITHUB_TOKEN}` must not become that token's value.
    """
    text = _text_of(path, problems)
    if not text:
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most workspaces have no such file

    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def _text_of(path: Path | None, problems: list[str]) -> str:
    """Return a regular file's text, or nothing; a pipe of that name would block for ever."""
    try:
        if path is None or not path.is_file():
            return ""
        if path.stat().st_size > MOST_BYTES:
            problems.append(f"`{path}` is larger than {MOST_BYTES} bytes; it is ignored.")
            return ""
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        problems.append(f"`{path}` cannot be read as UTF-8 text ({type(exc).__name__}).")
        return ""


def _place(error: ValueError) -> str:
    """Return where the error lies, without the text that stands there."""
    _, separator, place = str(error).rpartition("(")
    return place.rstrip(")") if separator else "no place given"
