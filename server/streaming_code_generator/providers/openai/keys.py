"""Keys as requests carry them, and those that a command of the user's prints."""

import subprocess
from functools import lru_cache
from pathlib import Path
from shutil import which

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.settings import Secret


def sendable_key(key: Secret | str | None) -> Secret | None:
    """Return the key as it is sent, without white space around it; None where there is none.

    Raises:
        ConfigurationError: It holds what no HTTP header may hold. The message does not show it.
    """
    text = (key.reveal() if isinstance(key, Secret) else key or "").strip()
    # What a copied key brings along: a second line, typographic quotes, a byte order mark.
    for position, character in enumerate(text, start=1):
        if not " " < character <= "~":
            raise ConfigurationError(
                f"The API key cannot be sent: character {position} of {len(text)} is a blank, a "
                "line break, or not ASCII. Copy the key again, without quotes and in one line."
            )
    return Secret(text) if text else None


COMMAND_TIMEOUT_S = 60.0
"""A password manager may ask its user to unlock it first."""


@lru_cache
def key_from_command(command: tuple[str, ...]) -> Secret:
    """Run the command, once in a process, and return the key that is its first line of output.

    No shell, and not in the opened folder, where a program of that name may lie. What it prints is
    shown nowhere, standard error neither. A failure is not remembered.

    Raises:
        ConfigurationError: It cannot be run, fails, or prints no usable key.
    """
    program = which(command[0])
    if program is None:
        raise _failed(command, "was not found")
    try:
        ended = subprocess.run(  # noqa: S603 - the user's own setting, which no workspace may make
            [program, *command[1:]],
            cwd=Path.home(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise _failed(command, f"cannot be run ({error.strerror})") from error
    except subprocess.TimeoutExpired:
        raise _failed(command, f"did not end within {COMMAND_TIMEOUT_S:.0f} s") from None
    if ended.returncode:
        raise _failed(command, f"ended with exit code {ended.returncode}")
    first_line = ended.stdout.decode("utf-8", "replace").strip().partition("\n")[0]
    key = sendable_key(first_line)
    if key is None:
        raise _failed(command, "printed nothing")
    return key


def _failed(command: tuple[str, ...], what: str) -> ConfigurationError:
    return ConfigurationError(
        f"No API key: the program `{command[0]}` of `apiKeyCommand` {what}. Run the command in a "
        "terminal to see why."
    )
