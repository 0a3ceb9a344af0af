"""Which file holds a project's rules, and how much of it a model is shown."""

from pathlib import Path

import pytest

from streaming_code_generator.core.prompt.file_pieces import (
    RULES_TOKENS,
    FileSnapshot,
    rules_piece,
)
from streaming_code_generator.lsp.consent import rules_for
from streaming_code_generator.lsp.documents.files import Showable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "one" / "two").mkdir(parents=True)
    (root / ".github").mkdir()
    return root


def key_of(root: Path, document: str) -> str | None:
    rules = rules_for(root / document, (root,), Showable((root,)))
    return rules.key if rules else None


def found(root: Path, document: str = "one/two/main.py") -> str | None:
    rules = rules_for(root / document, (root,), Showable((root,)))
    return rules.file.path if rules else None


def test_the_nearest_file_above_the_document_holds_the_rules(root: Path) -> None:
    assert found(root) is None
    (root.parent / "AGENTS.md").write_text("outside")
    (root / ".github" / "copilot-instructions.md").write_text("x")
    assert found(root) == ".github/copilot-instructions.md"
    (root / "AGENTS.md").write_text("x")
    assert found(root) == "AGENTS.md"
    (root / "one" / "AGENTS.md").write_text("x")
    assert found(root) == "one/AGENTS.md"
    assert found(root, "main.py") == "AGENTS.md"


def test_links_and_ignored_files_are_no_rules(root: Path) -> None:
    (root.parent / "outside.md").write_text("x")
    (root / "AGENTS.md").symlink_to(root.parent / "outside.md")
    (root / "one" / "AGENTS.md").write_text("x")
    (root / ".gitignore").write_text("one/AGENTS.md\n")
    assert found(root) is None


def test_another_folder_or_another_text_is_another_question(root: Path) -> None:
    (root / "AGENTS.md").write_text("x")
    (root / "one" / "AGENTS.md").write_text("x")
    keys = {key_of(root, "a"), key_of(root, "one/a")}
    (root / "AGENTS.md").write_text("y")
    keys.add(key_of(root, "a"))
    assert len(keys) == 3


@pytest.mark.parametrize("room", [10_000, 400, 5])
def test_rules_are_cut_at_a_line_to_what_fits(room: int) -> None:
    file = FileSnapshot(uri="", path="AGENTS.md", lines=tuple(f"Rule {n}." for n in range(5_000)))
    piece = rules_piece(file, room, lambda text: len(text) // 4)
    if room == 5:
        assert piece is None
        return
    assert piece is not None
    most = min(room, RULES_TOKENS)
    assert 0.9 * most < piece.tokens <= most
    assert f"Rule {piece.end - 1}.\n```" in piece.rendered
