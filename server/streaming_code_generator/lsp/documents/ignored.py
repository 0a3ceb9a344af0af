"""Which files of a workspace its `.gitignore` files leave out."""

import logging
from pathlib import Path

from pathspec import GitIgnoreSpec

logger = logging.getLogger(__name__)

_MOST_BYTES = 1_000_000


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
                self._specs[folder] = _read(folder / ".gitignore")
            spec = self._specs[folder]
            if spec is not None:
                name = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
                verdict = spec.check_file(name).include
                if verdict is not None:
                    return bool(verdict)
            if folder == self._root:
                break
        return False


def _read(path: Path) -> GitIgnoreSpec | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return GitIgnoreSpec.from_lines(path.read_text("utf-8", "replace").splitlines())
    except OSError:
        return None
    except ValueError as error:
        logger.warning("%s cannot be read: %s", path, error)
        return None
