"""Files and their URIs: how each is recognised, which may be read, which a model may be shown.

Clients escape different characters, in upper or lower case, and write Windows drives either way:
`file:///C:/a b.py` and `file:///c%3a/a%20b.py` are the same file. Documents are therefore looked
up by a key; what goes to the client is always its own spelling.

A model is shown no file that looks like it holds secrets, that `.gitignore` names, or that lies
outside the workspace, links followed: neither from disk nor from an open document. What it is shown
beside the file that it writes in are immutable snapshots.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes, urlsplit

from pygls.uris import to_fs_path

from streaming_code_generator.core.prompt.file_pieces import FileSnapshot
from streaming_code_generator.lsp.wire.arguments import invalid
from streaming_code_generator.lsp.wire.uris import is_uri

if TYPE_CHECKING:  # 31 modules, and most files lie in a folder without a `.gitignore`
    from pathspec import GitIgnoreSpec

logger = logging.getLogger(__name__)

MOST_FILE_BYTES = 10 * 1024 * 1024
"""Larger files that are not open are refused."""

MOST_IGNORE_BYTES = 1_000_000
"""Of one `.gitignore`; a larger one is no list of rules."""

MOST_FILES = 20_000

MOST_SHOWN_BYTES = 200_000

MOST_FOLDERS = 5_000

LISTING_S = 0.1
"""So long a request waits for the list of a workspace's files; the next one has it go on."""

FRESH_S = 5.0
"""How long a complete list stands. The files themselves are read for each request."""

_FOLDERS_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})

_DRIVE = re.compile(r"/[A-Z]:")


@lru_cache(maxsize=1024)
def document_key(uri: str) -> str:
    """Return what is equal for all spellings of a URI; what is no URI stands for itself."""
    if not is_uri(uri):
        return uri
    # One key for `file:///C:/a b.py`, `file:///c%3A/a%20b.py` and `file://localhost/c:/a%20b.py`:
    # `file:///c:/a%20b.py?#`.
    parts = urlsplit(uri)
    host = "" if parts.scheme == "file" and parts.netloc == "localhost" else parts.netloc.lower()
    # An escaped slash is part of a name: segments are unescaped one by one.
    path = "/".join(quote(unquote_to_bytes(segment), safe=":") for segment in parts.path.split("/"))
    if parts.scheme == "file" and _DRIVE.match(path):
        path = path.lower()[:2] + path[2:]
    return f"{parts.scheme}://{host}{path}?{_unescaped(parts.query)}#{_unescaped(parts.fragment)}"


def _unescaped(part: str) -> str:
    return quote(unquote_to_bytes(part), safe="")


@lru_cache(maxsize=1024)
def path_of(uri: str) -> Path | None:
    """Return where a document lies on disk, or None if it is no file."""
    name = to_fs_path(uri) if uri.startswith("file:") and is_uri(uri) else None
    return Path(name) if name and "\0" not in name else None


_LANGUAGE_BY_SUFFIX = {
    ".c": "c",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".css": "css",
    ".go": "go",
    ".h": "c",
    ".hpp": "cpp",
    ".html": "html",
    ".java": "java",
    ".js": "javascript",
    ".jsx": "javascriptreact",
    ".kt": "kotlin",
    ".lua": "lua",
    ".md": "markdown",
    ".mjs": "javascript",
    ".php": "php",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "shellscript",
    ".scala": "scala",
    ".sql": "sql",
    ".swift": "swift",
    ".toml": "toml",
    ".ts": "typescript",
    ".tsx": "typescriptreact",
    ".yaml": "yaml",
    ".yml": "yaml",
}

_WITHOUT_DEFINITIONS = frozenset({"css", "html", "markdown", "toml", "yaml"})


def is_known_language(path: Path) -> bool:
    """Return whether a file's name says that it holds code, in which names are defined."""
    return _LANGUAGE_BY_SUFFIX.get(path.suffix, "markdown") not in _WITHOUT_DEFINITIONS


def language_of(path: Path) -> str:
    """Return the language id of a file, by its name."""
    return _LANGUAGE_BY_SUFFIX.get(path.suffix, "plaintext")


def workspace_file(uri: str, roots: Iterable[Path]) -> Path:
    """Return the path of a file that may be read though it is not open.

    Raises:
        JsonRpcInvalidParams: It is no file, or lies elsewhere.
    """
    named = path_of(uri)
    if named is None:
        invalid(f"`{uri}` is not open in the editor: open the document first.")
    # Symbolic links are followed before the comparison: one in the workspace may lead out of it.
    path = named.resolve()
    if not any(path.is_relative_to(root.resolve()) for root in roots):
        invalid(f"`{path.name}` is not open and lies outside the workspace: open it first.")
    return path


def new_workspace_file(uri: str, roots: Iterable[Path]) -> Path:
    """Return the path of a file that may be created.

    Raises:
        JsonRpcInvalidParams: It exists, or lies outside the workspace.
    """
    path = path_of(uri)
    if path is None:
        invalid(f"`{uri}` is not the URI of a file: only files can be created.")
    if path.exists() or path.is_symlink():
        invalid(f'`{path.name}` exists: send it as "textDocument", with a place in it.')
    return workspace_file(uri, roots)


def read_text(path: Path) -> str:
    """Read a file.

    Raises:
        JsonRpcInvalidParams: It cannot be read, or is not text.
    """
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            invalid(f"`{path.name}` is larger than {MOST_FILE_BYTES // 1024 // 1024} MiB: open it.")
        content = path.read_bytes()
    except OSError as error:
        invalid(f"`{path.name}` cannot be read ({error.strerror}): open the document first.")
    # What git does to tell binary files from text.
    if b"\0" in content:
        invalid(f"`{path.name}` is a binary file: name a text document.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        invalid(
            f"`{path.name}` is not UTF-8 text: open it in the editor, which knows its encoding."
        )


_SECRET_NAME = re.compile(
    r"""
    \.env(?:rc)? | \.env\..+ | .+\.env
    | \.?netrc | _netrc | \.npmrc | \.pypirc | \.pgpass | \.my\.cnf | \.htpasswd | \.s3cfg | \.boto
    | \.git-credentials | \.dockercfg | \.vault-token | \.vault[_-]pass(?:word)?
    | id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[.-].+)?
    | (?:[\w.-]+[._-])?(?:credentials?|secrets?|passwords?)
      (?:\.(?:json|ya?ml|toml|ini|txt|xml|cfg|conf|properties|csv|db|enc))?
    | .+\.(?:pem|key|p12|pfx|pkcs12|p8|jks|keystore|keytab|kdbx?|ppk|gpg|pgp|ovpn)
    | (?:client_secret|service[-_]?account|gcp[-_]key|firebase-adminsdk).*\.json
    | kubeconfig | terraform\.tfstate(?:\..+)? | .+\.tfvars
    | \.\w+_history | g?shadow | authorized_keys
    """,
    re.VERBOSE | re.IGNORECASE,
)

_EXAMPLE_NAME = re.compile(
    r"\.env[._-](?:example|sample|template|dist|schema|defaults?)", re.IGNORECASE
)

_SECRET_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", "gcloud"})


def secret_looking(path: str) -> bool:
    r"""Return whether a file's name says that it may hold keys or passwords.

    Args:
        path: A path, with `/` or `\` between its parts.
    """
    *folders, name = re.split(r"[/\\]", path.rstrip("/\\")) or [""]
    if _EXAMPLE_NAME.fullmatch(name):
        return False
    return bool(_SECRET_NAME.fullmatch(name)) or not _SECRET_FOLDERS.isdisjoint(folders)


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
        if path.stat().st_size > MOST_SHOWN_BYTES:
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


def _read_ignore_file(path: Path) -> "GitIgnoreSpec | None":
    try:
        if path.stat().st_size > MOST_IGNORE_BYTES:
            return None
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 - see above

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
