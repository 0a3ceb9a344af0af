"""Where a setting's value comes from, and the message about one that cannot be used."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from streaming_code_generator.logs import redacted
from streaming_code_generator.settings.declarations import SettingSpec


class Source(Enum):
    """A place that settings come from; the value names it to people."""

    DEFAULT = "default"
    USER_FILE = "user configuration file"
    DOTENV = "the workspace's .env"
    ENVIRONMENT = "environment"
    INITIALIZATION = "initializationOptions"
    CONFIGURATION = "workspace/configuration"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A source, and what the value is called or which file it stands in there."""

    source: Source
    detail: str = ""
    """The variable's name, the option, the file; empty for a default."""
    from_workspace: bool = False
    """Whether whoever wrote the opened folder may have chosen the value."""

    def __str__(self) -> str:
        return f"{self.source.value}: {self.detail}" if self.detail else self.source.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One setting as one source has it: parsed, and not yet judged."""

    name: str
    """The field of `Settings`."""
    value: object
    """`None`: what stands there cannot be used. It is kept, because a key beside a base URL that
    cannot be used was not given for any other."""
    origin: Origin


_MOST_SHOWN = 60
_KEY_NAMES = frozenset({"apikey", "openaiapikey", "key", "token"})


def unknown(name: str, known: Sequence[str], origin: Origin) -> str:
    """Tell of a setting that does not exist, and of the one that was probably meant."""
    if _plain(name).removeprefix("streamingcodegenerator") in _KEY_NAMES:
        return (
            f"`{_shown(name)}` ({origin}) is ignored: keys are never settings. Put the key into "
            "the environment variable `OPENAI_API_KEY`, or into one that `apiKeyEnv` names."
        )
    return f"Unknown setting `{_shown(name)}` ({origin}) is ignored.{_meant(name, known)}"


def unfit(spec: SettingSpec, raw: object, origin: Origin) -> str:
    """Tell of a value that is not of the setting's kind."""
    found = f", not `{_shown(_spelled(raw))}`" if spec.kind.may_be_shown else ""
    then = "it is ignored"
    if spec.name == "provider" and not origin.from_workspace:
        then = "until it is corrected the embedded model is used, which sends nothing anywhere"
    return f"`{spec.camel_name}` ({origin}) must be {spec.kind.summary}{found}; {then}."


def _meant(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only when something is wrong

    by_plain_name = {_plain(candidate): candidate for candidate in known}
    close = get_close_matches(_plain(name), by_plain_name, n=1)
    return f" Did you mean `{by_plain_name[close[0]]}`?" if close else ""


def _plain(name: str) -> str:
    """Return the name's letters only, so that styles of writing compare equal."""
    return "".join(character for character in name.lower() if character.isalnum())


def _spelled(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    try:
        return json.dumps(raw)
    except (TypeError, ValueError):  # a date from TOML
        return str(raw)


def _shown(text: str) -> str:
    line = redacted(" ".join(text.split()))
    return line if len(line) <= _MOST_SHOWN else line[: _MOST_SHOWN - 1] + "…"
