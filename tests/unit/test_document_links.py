"""Links between documents lead somewhere, to the heading too that they name."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "editors/**/*.md")
    for path in ROOT.glob(pattern)
    if not {"node_modules", "out"} & {*path.parts}  # what a build left there is no document
)


def prose(document: str) -> str:
    """Return a document without what stands in blocks of code."""
    return re.sub(r"^```.*?^```", "", document, flags=re.DOTALL | re.MULTILINE)


def links(document: str) -> list[str]:
    """Return the targets of links and pictures that are no web addresses."""
    targets: list[str] = re.findall(r"\]\(([^()\s]+)\)", prose(document))
    return [target for target in targets if not re.match(r"https?://|mailto:", target)]


def anchors(document: str) -> set[str]:
    """Return what headings are called in links; one that stands twice gets a number."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#+ +(.+?)\s*$", prose(document), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        names.append(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return set(names)


def leads_somewhere(target: str, document: Path) -> bool:
    name, _, anchor = target.partition("#")
    path = document.parent / name if name else document
    if not path.exists():
        return False
    return not anchor or anchor in anchors(path.read_text(encoding="utf-8"))


def broken(document: Path) -> list[str]:
    """Return the links of a document that lead nowhere."""
    targets = links(document.read_text(encoding="utf-8"))
    return [target for target in targets if not leads_somewhere(target, document)]


@pytest.mark.parametrize("name", DOCUMENTS, ids=str)
def test_links_of_a_document_lead_somewhere(name: Path) -> None:
    assert broken(ROOT / name) == []


def test_broken_links_and_headings_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text(
        "# One `two` (three)\n## Twice\n## Twice\n", encoding="utf-8"
    )
    document = tmp_path / "one.md"
    document.write_text(
        "[a](other.md#one-two-three) [b](other.md#twice-1) [c](other.md#twice-2) [d](none.md)\n"
        "```\n[e](in-code.md)\n```\n[f](https://example.org/none) [g](#none)\n",
        encoding="utf-8",
    )

    assert broken(document) == ["other.md#twice-2", "none.md", "#none"]
