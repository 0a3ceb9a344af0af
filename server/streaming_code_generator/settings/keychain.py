"""Keys in the operating system's keychain, by the program of the package keyring."""

import sys
from typing import Literal

from streaming_code_generator.settings.endpoints import origin_of

SERVICE = "streaming-code-generator"
"""Under which name keys stand in the keychain; the user name is what the key is bound to."""

# In a process of its own: a keychain may ask its user to unlock it. Isolated from the folder that
# it is called in, where a `keyring.py` may lie.
_PROGRAM = (sys.executable, "-P", "-m", "keyring")


def keychain_command(action: Literal["get", "set", "del"], base_url: str) -> tuple[str, ...]:
    """Return the command that reads, stores or deletes the key of an endpoint's origin."""
    return (*_PROGRAM, action, SERVICE, origin_of(base_url))


def is_of_keychain(command: tuple[str, ...]) -> bool:
    """Whether a command asks the keychain."""
    return command[: len(_PROGRAM)] == _PROGRAM
