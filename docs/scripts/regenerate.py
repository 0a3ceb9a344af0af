"""Writes anew what other files repeat of the server's settings and names.

python docs/scripts/regenerate.py
"""

import json
from pathlib import Path

from streaming_code_generator.cli.settings_command import (
    markdown_table,
    vscode_properties,
    vscode_restricted,
)
from streaming_code_generator.lsp.wire.exported import wire_names

ROOT = Path(__file__).parents[2]
EDITORS = ROOT / "editors"
TABLE_START = "<!-- settings: written by `poe regenerate` -->\n"
TABLE_END = "<!-- /settings -->"


def settings_document(document: str) -> str:
    """Return `docs/settings.md` with the table of all settings."""
    before, _, rest = document.partition(TABLE_START)
    _, _, after = rest.partition(TABLE_END)
    return f"{before}{TABLE_START}{markdown_table()}{TABLE_END}{after}"


def wire_file(_old: str) -> str:
    """Return `editors/wire.json`: the names that plug-ins spell."""
    return as_json(wire_names())


def vscode_manifest(manifest: str) -> str:
    """Return `editors/vscode/package.json` with the server's settings and the extension's own."""
    contents = json.loads(manifest)
    own = json.loads((EDITORS / "vscode/scripts/own-settings.json").read_text(encoding="utf-8"))
    own_restricted = [name for name, schema in own.items() if schema.get("scope") == "machine"]
    contents["contributes"]["configuration"]["properties"] = {**vscode_properties(), **own}
    contents["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = [
        *vscode_restricted(),
        *own_restricted,
    ]
    return as_json(contents)


def as_json(contents: object) -> str:
    """Return JSON as it stands in the files."""
    return json.dumps(contents, indent=2, ensure_ascii=False) + "\n"


GENERATED = {
    ROOT / "docs/settings.md": settings_document,
    EDITORS / "wire.json": wire_file,
    EDITORS / "vscode/package.json": vscode_manifest,
}


def main() -> None:
    """Write the files that are not as they should be, and name them."""
    for path, written in GENERATED.items():
        old = path.read_text(encoding="utf-8")
        new = written(old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
