"""The files that a model may be shown beside the one it writes in, as immutable snapshots.

Never one that looks like it holds secrets, that `.gitignore` names, or that lies outside the
workspace, links followed: neither from disk nor from an open document.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from pathspec import GitIgnoreSpec

from streaming_code_generator.core.context.file_pieces import FileSnapshot
from streaming_code_generator.editing.mirror import Mirror
from streaming_code_generator.lsp.documents.uris import document_key
from streaming_code_generator.lsp.documents.workspace_files import (
    is_known_language,
    language_of,
    path_of,
    secret_looking,
)

logger = logging.getLogger(__name__)

MOST_IGNORE_BYTES = 1_000_000
"""Of one `.gitignore`; a larger one is no list of rules."""
MOST_FILES = 20_000
MOST_FILE_BYTES = 200_000
MOST_FOLDERS = 5_000
LISTING_S = 0.1
"""So long a request waits for the list of a workspace's files; the next one has it go on."""
FRESH_S = 5.0
"""How long a complete list stands. The files themselves are read for each request."""

_FOLDERS_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})


def snapshot(mirror: Mirror, *, uri: str, path: str, language_id: str) -> FileSnapshot:
    """Return a document as it is now."""
    lines = tuple(line.rstrip("\r\n") for line in mirror.lines)
    return FileSnapshot(uri=uri, path=path, language_id=language_id, lines=lines)


class WorkspaceReader:
    """Lists a workspace's code, and reads what a request asks for. Used from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._roots: tuple[Path, ...] = ()
        self._listed: dict[Path, str] = {}
        """The files of the last complete list, and how a model reads their paths."""
        self._listed_at_s = float("-inf")
        self._listing: dict[Path, str] = {}
        """The list under way; `_folders` goes on with it."""
        self._folders: Iterator[list[tuple[Path, str]]] | None = None

    def files(
        self,
        roots: tuple[Path, ...],
        leave_out: frozenset[str],
        choose: Callable[[Iterable[str]], Sequence[str]],
    ) -> tuple[FileSnapshot, ...]:
        """Return files of a workspace, without those whose documents are open.

        Args:
            roots: The workspace's folders.
            leave_out: Keys of the URIs of documents.
            choose: Returns which paths are to be read, of all that are known by now.
        """
        with self._lock:
            listed = self._list(roots)
        chosen = set(choose(listed.values()))
        paths = [path for path, shown in listed.items() if shown in chosen]
        read = [
            _read_file(path, listed[path])
            for path in paths
            if document_key(path.as_uri()) not in leave_out
        ]
        return tuple(filter(None, read))

    def _list(self, roots: tuple[Path, ...]) -> dict[Path, str]:
        """Go on listing, for as long as a request can wait, and return what is known."""
        started_s = time.monotonic()
        if self._roots != roots:
            self._roots, self._listed, self._folders = roots, {}, None
            self._listed_at_s = float("-inf")
        if self._folders is None and started_s - self._listed_at_s > FRESH_S:
            self._listing = {}
            self._folders = chain.from_iterable(map(_walk, _resolved(roots)))
        # A first request in a large workspace gets the folders near its root, listed within
        # `LISTING_S`; the next one has the list go on, until one has all of it.
        if self._folders is not None:
            for files in self._folders:
                self._listing.update(files)
                if len(self._listing) >= MOST_FILES:
                    self._folders = None
                    break
                if time.monotonic() - started_s > LISTING_S:
                    break
            else:
                self._folders = None
            if self._folders is None:
                self._listed, self._listed_at_s = self._listing, time.monotonic()
        return dict(self._listed or self._listing)


def _walk(root: Path) -> Iterator[list[tuple[Path, str]]]:
    """Yield the files of code in each folder of a workspace, and their paths in it."""
    rules, folders = IgnoreRules(root), [root]
    for folder in folders:  # grows while it is gone through: breadth first
        files: list[tuple[Path, str]] = []
        for entry in _entries(folder):
            path = folder / entry.name
            # A link may lead out of the workspace, or round in circles; what has a dot in front is
            # the tools' own, and may be large (`.git`, `.venv`).
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
            ):
                files.append((path, path.relative_to(root).as_posix()))
        yield files


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _read_file(path: Path, shown: str) -> FileSnapshot | None:
    """Return a file's text; None if it is large, or no text."""
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            return None
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
    # A binary file that happens to be valid UTF-8.
    if "\0" in text:
        return None
    lines = tuple(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))
    return FileSnapshot(uri=path.as_uri(), path=shown, language_id=language_of(path), lines=lines)


def _resolved(roots: Iterable[Path]) -> list[Path]:
    return [root.resolve() for root in roots]


class IgnoreRules:
    """The rules of one workspace folder, each `.gitignore` read once.

    Create it anew for each reading of the workspace: the files may have changed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._specs: dict[Path, GitIgnoreSpec | None] = {}

    def is_ignored(self, path: Path) -> bool:
        """Return whether a file, or a folder it is in, is ignored."""
        if not path.is_relative_to(self._root):
            return False
        parts = path.relative_to(self._root).parts
        ancestors = [self._root.joinpath(*parts[:depth]) for depth in range(1, len(parts))]
        folders = any(self.matches(folder, is_folder=True) for folder in ancestors)
        return folders or self.matches(path, is_folder=False)

    def matches(self, path: Path, *, is_folder: bool) -> bool:
        """Return whether rules name a file or folder itself; the nearest rules decide."""
        for folder in path.parents:
            if folder not in self._specs:
                self._specs[folder] = _read_ignore_file(folder / ".gitignore")
            spec = self._specs[folder]
            if spec is not None:
                name = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
                verdict = spec.check_file(name).include
                if verdict is not None:
                    return bool(verdict)
            if folder == self._root:
                break
        return False


def _read_ignore_file(path: Path) -> GitIgnoreSpec | None:
    try:
        if path.stat().st_size > MOST_IGNORE_BYTES:
            return None
        return GitIgnoreSpec.from_lines(path.read_text("utf-8", "replace").splitlines())
    except OSError:
        return None
    except ValueError as error:
        logger.warning("%s cannot be read: %s", path, error)
        return None


class Showable:
    """Says for one request what of a workspace may be shown, each `.gitignore` read once."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self._roots = roots
        self._rules = {root: IgnoreRules(root) for root in _resolved(roots)}

    def allowed(self, files: Iterable[FileSnapshot]) -> tuple[FileSnapshot, ...]:
        """Return those of some files that may be shown."""
        return tuple(file for file in files if self.may_be_shown(file.uri))

    def named(self, uris: Iterable[str]) -> tuple[FileSnapshot, ...]:
        """Return files on disk that a request names, as far as they may be shown."""
        paths = [path for uri in uris if self.may_be_shown(uri) and (path := path_of(uri))]
        read = [_read_file(path.resolve(), shown_path(path, self._roots)) for path in paths]
        return tuple(filter(None, read))

    def may_be_shown(self, uri: str) -> bool:
        """Whether a file is in the workspace, links followed, not ignored, and holds no secrets."""
        path = path_of(uri)
        if path is None or secret_looking(str(path)):
            return False
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError):  # a link to itself
            return False
        within = [rules for root, rules in self._rules.items() if resolved.is_relative_to(root)]
        return bool(within) and not any(rules.is_ignored(resolved) for rules in within)


def shown_path(path: Path | None, roots: Iterable[Path]) -> str:
    """Return a path as a model reads it: relative to the workspace, else the name alone."""
    if path is None:
        return ""
    for root in roots:
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name
