"""The files that a model may be shown beside the one it writes in, as immutable snapshots.

Never one that looks like it holds secrets, that `.gitignore` names, or that lies outside the
workspace, links followed: neither from disk nor from an open document.
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from streaming_code_generator.core.context.pieces import FileSnapshot
from streaming_code_generator.editing.text.mirror import Mirror
from streaming_code_generator.lsp.documents.ignored import IgnoreRules
from streaming_code_generator.lsp.documents.uris import document_key
from streaming_code_generator.lsp.documents.workspace_files import (
    is_known_language,
    language_of,
    path_of,
    secret_looking,
)

MOST_FILES = 1_500
MOST_FILE_BYTES = 200_000
MOST_FOLDERS = 2_000
FRESH_S = 1.0
"""How long a reading of the workspace stands."""

_FOLDERS_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})


def snapshot(mirror: Mirror, *, uri: str, path: str, language_id: str) -> FileSnapshot:
    """Return a document as it is now."""
    lines = tuple(line.rstrip("\r\n") for line in mirror.lines)
    return FileSnapshot(uri=uri, path=path, language_id=language_id, lines=lines)


@dataclass(frozen=True, slots=True)
class _Read:
    """A file as it was read."""

    changed_ns: int
    size: int
    snapshot: FileSnapshot


class WorkspaceReader:
    """Reads a workspace's code, and reads again what has changed. Used from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[Path, _Read] = {}
        self._read_at_s = float("-inf")
        self._roots: tuple[Path, ...] = ()

    def allowed(
        self, files: Iterable[FileSnapshot], roots: tuple[Path, ...]
    ) -> tuple[FileSnapshot, ...]:
        """Return those of some files that may be shown."""
        rules = {root: IgnoreRules(root) for root in _resolved(roots)}
        return tuple(file for file in files if _may_be_shown(file.uri, rules))

    def named(self, uris: Iterable[str], roots: tuple[Path, ...]) -> tuple[FileSnapshot, ...]:
        """Return files on disk that a request names, as far as they may be shown."""
        rules = {root: IgnoreRules(root) for root in _resolved(roots)}
        paths = [path for uri in uris if _may_be_shown(uri, rules) and (path := path_of(uri))]
        read = [_read_file(path.resolve(), shown_path(path, roots)) for path in paths]
        return tuple(each.snapshot for each in read if each)

    def files(self, roots: tuple[Path, ...], leave_out: frozenset[str]) -> tuple[FileSnapshot, ...]:
        """Return the workspace's files of code, without those whose documents are open.

        Args:
            roots: The workspace's folders.
            leave_out: Keys of the URIs of documents.
        """
        with self._lock:
            if time.monotonic() - self._read_at_s > FRESH_S or self._roots != roots:
                self._read = {
                    path: read for root in _resolved(roots) for path, read in self._walk(root)
                }
                self._read_at_s, self._roots = time.monotonic(), roots
            return tuple(
                read.snapshot
                for read in self._read.values()
                if document_key(read.snapshot.uri) not in leave_out
            )

    def _walk(self, root: Path) -> Iterator[tuple[Path, _Read]]:
        rules, folders, count = IgnoreRules(root), [root], 0
        for folder in folders:  # grows while it is gone through: breadth first
            for entry in _entries(folder):
                path = folder / entry.name
                if entry.is_symlink() or entry.name.startswith("."):
                    continue
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder and entry.name not in _FOLDERS_LEFT_OUT:
                    if len(folders) < MOST_FOLDERS and not rules.matches(path, is_folder=True):
                        folders.append(path)
                elif (
                    not is_folder
                    and is_known_language(path)
                    and not secret_looking(str(path.relative_to(root)))
                    and not rules.matches(path, is_folder=False)
                    and (read := self._again(path, entry, root))
                ):
                    count += 1
                    yield path, read
                    if count >= MOST_FILES:
                        return

    def _again(self, path: Path, entry: "os.DirEntry[str]", root: Path) -> _Read | None:
        try:
            known, status = self._read.get(path), entry.stat(follow_symlinks=False)
        except OSError:  # gone since the folder was listed
            return None
        if known and (known.changed_ns, known.size) == (status.st_mtime_ns, status.st_size):
            return known
        return _read_file(path, path.relative_to(root).as_posix())


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _read_file(path: Path, shown: str) -> _Read | None:
    """Return a file's text; None if it is large, or no text."""
    try:
        status = path.stat()
        if status.st_size > MOST_FILE_BYTES:
            return None
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
    if "\0" in text:
        return None
    lines = tuple(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))
    file = FileSnapshot(uri=path.as_uri(), path=shown, language_id=language_of(path), lines=lines)
    return _Read(status.st_mtime_ns, status.st_size, file)


def _resolved(roots: Iterable[Path]) -> list[Path]:
    return [root.resolve() for root in roots]


def _may_be_shown(uri: str, rules: dict[Path, IgnoreRules]) -> bool:
    path = path_of(uri)
    if path is None or secret_looking(str(path)):
        return False
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError):  # a link to itself
        return False
    within = [root for root in rules if resolved.is_relative_to(root)]
    return bool(within) and not any(rules[root].is_ignored(resolved) for root in within)


def shown_path(path: Path | None, roots: Iterable[Path]) -> str:
    """Return a path as a model reads it: relative to the workspace, else the name alone."""
    if path is None:
        return ""
    for root in roots:
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name
