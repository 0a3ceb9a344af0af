"""Named profiles: settings that a request may choose together, by one name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streaming_code_generator.settings.kinds import JsonSchema, UnfitValueError


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
