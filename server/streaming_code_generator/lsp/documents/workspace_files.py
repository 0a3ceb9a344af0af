"""Files on disk: which may be read though they are not open, and which never."""

import re
from collections.abc import Iterable
from pathlib import Path

from pygls.uris import to_fs_path

from streaming_code_generator.lsp.documents.uris import is_uri
from streaming_code_generator.lsp.wire import invalid

MOST_FILE_BYTES = 10 * 1024 * 1024
"""Larger files that are not open are refused."""

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


def path_of(uri: str) -> Path | None:
    """Return where a document lies on disk, or None if it is no file."""
    name = to_fs_path(uri) if uri.startswith("file:") and is_uri(uri) else None
    return Path(name) if name and "\0" not in name else None


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
