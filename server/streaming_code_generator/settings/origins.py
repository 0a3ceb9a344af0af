"""Where a setting's value comes from."""

from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """A place that settings come from; the value names it in messages."""

    DEFAULT = "default"
    USER_FILE = "user configuration file"
    DOTENV = "the workspace's .env"
    ENVIRONMENT = "environment"
    INITIALIZATION = "initializationOptions"
    CONFIGURATION = "workspace/configuration"
    COMMAND_LINE = "command line"
    PROFILE = "profile"
    REQUEST = "the request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A source, and what the value is called or which file it stands in there."""

    source: Source
    detail: str = ""
    """The variable's name, the option, the file; empty for a default."""
    from_workspace: bool = False
    """Whether the opened folder's author may have chosen the value."""

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
