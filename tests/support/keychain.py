"""A keychain in a file, for the package keyring (`PYTHON_KEYRING_BACKEND`)."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeychain(KeyringBackend):
    """Keeps its keys in the file that `KEYCHAIN_FILE` names."""

    priority = 1

    @property
    def _file(self) -> Path:
        return Path(os.environ["KEYCHAIN_FILE"])

    def _keys(self) -> dict[str, str]:
        keys: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return keys

    def get_password(self, service: str, username: str) -> str | None:
        return self._keys().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._file.write_text(json.dumps(self._keys() | {f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        keys = self._keys()
        if keys.pop(f"{service} {username}", None) is None:
            raise PasswordDeleteError
        self._file.write_text(json.dumps(keys))
