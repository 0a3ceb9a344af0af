"""`key`: store the key of an endpoint in the operating system's keychain, or delete it there."""

import argparse
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from streaming_code_generator.cli.options import setting_value
from streaming_code_generator.cli.terminal import notify
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.settings import OPENAI_BASE_URL, SettingsSources, resolve
from streaming_code_generator.settings.endpoints import keychain_command, origin_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, and for which endpoint."""
    parser.add_argument("action", choices=("set", "delete"), help="store a key, or delete it")
    parser.add_argument(
        "--base-url",
        type=lambda text: setting_value("base_url", text),
        help="the endpoint; else the one that is set",
    )


def run(arguments: argparse.Namespace) -> int:
    """Have the keychain's program ask for the key: it does not pass through here.

    Raises:
        ConfigurationError: That program is not installed.
    """
    if find_spec("keyring") is None:
        raise ConfigurationError(
            "The package keyring is not installed beside the server: install "
            "`streaming-code-generator[keyring]`."
        )
    own = resolve(SettingsSources.of_process()).settings.base_url
    base_url = arguments.base_url or own or OPENAI_BASE_URL
    action: Literal["set", "del"] = "set" if arguments.action == "set" else "del"
    ended = subprocess.run(  # noqa: S603 - the package's own interpreter
        keychain_command(action, base_url), cwd=Path.home(), check=False
    )
    if ended.returncode == 0:
        done = "is stored: set `keyring` to true to use it" if action == "set" else "is deleted"
        notify(f"The key for {origin_of(base_url)} {done}.")
    return ended.returncode
