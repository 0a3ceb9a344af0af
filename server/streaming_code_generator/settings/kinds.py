"""What a setting's value may be: parsed from JSON, TOML or text, and described for users.

Keys and headers become a `Secret`, which is shown nowhere; named profiles stay as they are written.
"""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from streaming_code_generator.settings.endpoints import normalised_base_url


class Secret:
    """Holds a key; only `reveal` gives it away, and `repr`, `str` and formatting show `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself, for the request that needs it and for nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _: object) -> "Secret":
        """Stay masked in what `dataclasses.asdict` makes."""
        return self

    def __reduce__(self) -> str:
        raise TypeError("A secret is not pickled: it would be written down in the clear.")


JsonSchema = dict[str, object]


class UnfitValueError(ValueError):
    """The value is not of the setting's kind; the message is the kind's summary."""


class SettingKind(Protocol):
    """A type of setting."""

    @property
    def summary(self) -> str:
        """What is accepted, to follow "must be": "a number from 0 to 2"."""
        ...

    @property
    def may_be_shown(self) -> bool:
        """Whether a refused value may be repeated in a message."""
        ...

    def parse(self, raw: object) -> object:
        """Return the value of what a JSON or TOML document holds.

        Raises:
            ValueError: It is not of this kind.
        """
        ...

    def parse_text(self, text: str) -> object:
        """Return the value of an environment variable; raises as `parse` does."""
        ...

    def schema(self) -> JsonSchema:
        """Return the JSON schema of the values `parse` takes."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words, in any case; `False` stands for the word `false`."""

    values: tuple[str | bool, ...]
    may_be_shown: bool = True

    @property
    def summary(self) -> str:
        """What is accepted."""
        return "one of " + ", ".join(f"`{_word(value)}`" for value in self.values)

    def parse(self, raw: object) -> object:
        """Return the listed value that `raw` spells."""
        if not isinstance(raw, str | bool):
            raise UnfitValueError(self.summary)
        for value in self.values:
            if _word(value) == _word(raw):
                return value
        raise UnfitValueError(self.summary)

    def parse_text(self, text: str) -> object:
        """Return the listed value that `text` spells."""
        return self.parse(text)

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    may_be_shown: bool = True
    summary: str = "`true` or `false`"

    def parse(self, raw: object) -> object:
        """Return the value."""
        if not isinstance(raw, bool):
            raise UnfitValueError(self.summary)
        return raw

    def parse_text(self, text: str) -> object:
        """Return the value that one of the two words spells."""
        if text.lower() not in {"true", "false"}:
            raise UnfitValueError(self.summary)
        return text.lower() == "true"

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number within bounds, both included; a whole one where `whole` is set."""

    minimum: float
    maximum: float
    whole: bool = False
    may_be_shown: bool = True

    @property
    def summary(self) -> str:
        """What is accepted."""
        noun = "whole number" if self.whole else "number"
        return f"a {noun} from {self.minimum:g} to {self.maximum:.0f}"

    def parse(self, raw: object) -> object:
        """Return the number; `true` is none, and 3.0 is a whole number (some clients send it)."""
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
            raise UnfitValueError(self.summary)
        # After the test above: an infinite number has no `int`.
        if not self.minimum <= raw <= self.maximum or (self.whole and raw != int(raw)):
            raise UnfitValueError(self.summary)
        return int(raw) if self.whole else float(raw)

    def parse_text(self, text: str) -> object:
        """Return the number that `text` spells."""
        # What is no number raises ValueError here already.
        return self.parse(float(text))

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        kind = "integer" if self.whole else "number"
        return {"type": kind, "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    multiline: bool = False
    may_be_shown: bool = False
    summary: str = "a text"

    def parse(self, raw: object) -> object:
        """Return the text."""
        if not isinstance(raw, str):
            raise UnfitValueError(self.summary)
        return raw

    def parse_text(self, text: str) -> object:
        """Return the text as it is."""
        return text

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        plain: JsonSchema = {"type": "string"}
        return plain | {"editPresentation": "multilineText"} if self.multiline else plain


@dataclass(frozen=True, slots=True)
class VariableName:
    """The name of an environment variable. Never shown: users put the key itself here."""

    may_be_shown: bool = False
    summary: str = "the name of an environment variable (not the key itself)"

    def parse(self, raw: object) -> object:
        """Return the name."""
        # Keys have hyphens, as in "sk-…": what is no identifier may be one.
        if not isinstance(raw, str) or not (raw.isascii() and raw.isidentifier()):
            raise UnfitValueError(self.summary)
        return raw

    def parse_text(self, text: str) -> object:
        """Return the name."""
        return self.parse(text)

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "string", "pattern": "^([A-Za-z_][A-Za-z0-9_]*)?$"}


@dataclass(frozen=True, slots=True)
class FilePath:
    """A file, by an absolute path: a server's working directory is arbitrary."""

    may_be_shown: bool = True
    summary: str = "an absolute path, or one that starts with `~`"

    def parse(self, raw: object) -> object:
        """Return the path with `~` expanded; whether it exists shows when it is opened."""
        if not isinstance(raw, str):
            raise UnfitValueError(self.summary)
        try:
            path = Path(raw).expanduser()
        except RuntimeError as exc:  # the home directory of an unknown user
            raise UnfitValueError(self.summary) from exc
        if not path.is_absolute() or "\0" in raw:
            raise UnfitValueError(self.summary)
        return path

    def parse_text(self, text: str) -> object:
        """Return the path with `~` expanded."""
        return self.parse(text)

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class FolderPaths:
    """Several folders; in the environment, separated as in `PATH`."""

    may_be_shown: bool = True
    summary: str = "a list of absolute paths"

    def parse(self, raw: object) -> object:
        """Return the paths as a tuple, with `~` expanded."""
        if not isinstance(raw, Sequence) or isinstance(raw, str):
            raise UnfitValueError(self.summary)
        return tuple(FilePath().parse(path) for path in raw)

    def parse_text(self, text: str) -> object:
        """Return the paths as a tuple."""
        return self.parse([path for path in text.split(os.pathsep) if path.strip()])

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "array", "items": FilePath().schema()}


@dataclass(frozen=True, slots=True)
class Arguments:
    """A program and its arguments, run without a shell. Never shown: a token may be among them."""

    may_be_shown: bool = False
    summary: str = "a list of texts, a program and its arguments"

    def parse(self, raw: object) -> object:
        """Return them as a tuple; an empty list is not set."""
        if not isinstance(raw, Sequence) or isinstance(raw, str):
            raise UnfitValueError(self.summary)
        if not all(isinstance(word, str) and "\0" not in word for word in raw) or not all(raw[:1]):
            raise UnfitValueError(self.summary)
        return tuple(raw)

    def parse_text(self, text: str) -> object:
        """Return what a JSON array in the environment spells."""
        return self.parse(json.loads(text))

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class JsonObject:
    """Fields of a request's body; the value is their JSON text. Never shown: a key may be there."""

    may_be_shown: bool = False
    summary: str = "an object without `model`, `messages` and `stream`, which are not settings"

    def parse(self, raw: object) -> object:
        """Return the object as JSON text, the same for the same object."""
        if not isinstance(raw, Mapping) or {"model", "messages", "stream"} & set(raw):
            raise UnfitValueError(self.summary)
        try:
            return json.dumps(dict(raw), sort_keys=True, allow_nan=False)
        except (TypeError, RecursionError) as exc:  # a date from TOML
            raise UnfitValueError(self.summary) from exc

    def parse_text(self, text: str) -> object:
        """Return the object that JSON in the environment spells."""
        return self.parse(json.loads(text))

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "object"}


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""Source: RFC 9110, 5.6.2 (token)."""
_FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Headers:
    """Headers of every request; each value is a `Secret`, for a key may be one."""

    may_be_shown: bool = False
    summary: str = "an object of header names and their texts, without those of the connection"

    def parse(self, raw: object) -> object:
        """Return the headers as pairs, by their names; nothing at all stands for none."""
        if raw in ((), []):
            return ()
        if not isinstance(raw, Mapping) or not all(self._is_fit(*header) for header in raw.items()):
            raise UnfitValueError(self.summary)
        return tuple((name, Secret(value)) for name, value in sorted(raw.items()))

    def parse_text(self, text: str) -> object:
        """Return the headers that JSON in the environment spells."""
        return self.parse(json.loads(text))

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "object", "additionalProperties": {"type": "string"}}

    @staticmethod
    def _is_fit(name: object, value: object) -> bool:
        return (
            isinstance(name, str)
            and isinstance(value, str)
            and _HEADER_NAME.fullmatch(name) is not None
            and name.lower() not in _FRAMING
            and all(" " <= character <= "~" for character in value)
        )


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Where an endpoint answers. Never shown when refused: it may hold a password."""

    may_be_shown: bool = False
    summary: str = (
        "an http or https URL without user name, password and fragment, and without a query but "
        "Azure's `api-version`"
    )

    def parse(self, raw: object) -> object:
        """Return the URL without trailing slashes."""
        if not isinstance(raw, str):
            raise UnfitValueError(self.summary)
        return normalised_base_url(raw)

    def parse_text(self, text: str) -> object:
        """Return the URL without trailing slashes."""
        return self.parse(text)

    def schema(self) -> JsonSchema:
        """Return the JSON schema; the empty text stands for "not set"."""
        return {"type": "string", "pattern": "^(https?://[^@?#\\s]+(\\?api-version=[^@?#\\s]+)?)?$"}


@dataclass(frozen=True, slots=True)
class ProxyUrl:
    """Where a proxy listens; the value is a `Secret`, for a password may be in it."""

    may_be_shown: bool = False
    summary: str = "an `http://` or `https://` URL of a proxy"

    def parse(self, raw: object) -> object:
        """Return the URL as a secret."""
        if not isinstance(raw, str):
            raise UnfitValueError(self.summary)
        parts = urlsplit(raw.strip())
        normalised_base_url(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])))
        return Secret(raw.strip())

    def parse_text(self, text: str) -> object:
        """Return the URL as a secret."""
        return self.parse(text)

    def schema(self) -> JsonSchema:
        """Return the JSON schema; the empty text stands for "not set"."""
        return {"type": "string", "pattern": "^(https?://[^?#\\s]+)?$"}


@dataclass(frozen=True, slots=True)
class BaseUrls:
    """Several base URLs; in the environment, with commas or blanks between them."""

    may_be_shown: bool = False
    summary: str = "a list of http or https URLs"

    def parse(self, raw: object) -> object:
        """Return the URLs as a tuple."""
        if not isinstance(raw, Sequence) or isinstance(raw, str):
            raise UnfitValueError(self.summary)
        return tuple(BaseUrl().parse(url) for url in raw)

    def parse_text(self, text: str) -> object:
        """Return the URLs as a tuple."""
        return self.parse(text.replace(",", " ").split())

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "array", "items": BaseUrl().schema()}


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as it is written: its settings are not parsed yet."""

    name: str
    given: str
    """The settings and their values as JSON."""

    def __repr__(self) -> str:
        """Show no values: headers are among them."""
        return f"Profile({self.name!r})"

    def __str__(self) -> str:
        """Return the name."""
        return self.name


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles by their names. Never shown: headers are among their settings."""

    may_be_shown: bool = False
    summary: str = "an object of names, and for each an object of settings"

    def parse(self, raw: object) -> object:
        """Return the profiles, by their names; nothing at all stands for none."""
        if raw in ((), []):
            return ()
        if not isinstance(raw, Mapping) or not all(
            isinstance(name, str) and name.strip() and isinstance(given, Mapping)
            for name, given in raw.items()
        ):
            raise UnfitValueError(self.summary)
        try:
            return tuple(Profile(name, json.dumps(given)) for name, given in sorted(raw.items()))
        except (TypeError, RecursionError) as exc:  # a date from TOML
            raise UnfitValueError(self.summary) from exc

    def parse_text(self, text: str) -> object:
        """Return the profiles that JSON in the environment spells."""
        return self.parse(json.loads(text))

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "object", "additionalProperties": {"type": "object"}}


@dataclass(frozen=True, slots=True)
class ProfileNames:
    """Some of the profiles, in an order; in the environment, with commas between them."""

    may_be_shown: bool = True
    summary: str = "a list of names of `profiles`"

    def parse(self, raw: object) -> object:
        """Return the names as a tuple; whether there are such profiles shows later."""
        if not isinstance(raw, Sequence) or isinstance(raw, str):
            raise UnfitValueError(self.summary)
        if not all(isinstance(name, str) and name.strip() for name in raw):
            raise UnfitValueError(self.summary)
        return tuple(raw)

    def parse_text(self, text: str) -> object:
        """Return the names as a tuple."""
        return tuple(name.strip() for name in text.split(",") if name.strip())

    def schema(self) -> JsonSchema:
        """Return the JSON schema."""
        return {"type": "array", "items": {"type": "string"}}


def _word(value: str | bool) -> str:  # noqa: FBT001 - `false` is one of the words
    return str(value).lower()
