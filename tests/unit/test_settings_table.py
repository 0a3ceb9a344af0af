"""The settings as documents show them."""

from pathlib import Path

from streaming_code_generator.cli.settings_command import (
    PER_FOLDER,
    markdown_table,
    vscode_properties,
    vscode_restricted,
)
from streaming_code_generator.settings import SPECS

SECTION = "streamingCodeGenerator"


def test_table_has_one_row_for_each_setting() -> None:
    rows = markdown_table().splitlines()[2:]

    assert [row.split("`")[1] for row in rows] == [spec.camel_name for spec in SPECS.values()]
    assert all(row.count("|") == 6 for row in rows)


def test_editors_declare_no_defaults() -> None:
    """VS Code sends declared defaults as if somebody had set them."""
    for schema in vscode_properties().values():
        assert schema["default"] in {None, ""}


def test_drop_downs_of_editors_name_the_default() -> None:
    properties = vscode_properties()

    assert properties[f"{SECTION}.provider"]["enumItemLabels"] == [
        "Default (auto)",
        "auto",
        "openai",
        "embedded",
    ]
    for schema in properties.values():
        assert len(schema.get("enumItemLabels", [])) == len(schema.get("enum", []))  # type: ignore[arg-type]


def test_settings_that_decide_about_endpoints_are_machine_scoped() -> None:
    properties = vscode_properties()
    machine = {name for name, schema in properties.items() if schema["scope"] == "machine"}

    names = (
        *("provider", "baseUrl", "apiKeyEnv", "apiKeyCommand", "modelPath"),
        *("extraBody", "extraHeaders", "inlineCompletion", "completionModel", "completionBaseUrl"),
        *("profiles", "fallbacks", "proxy", "caBundle", "clientCertificate", "clientKey"),
        *("allowPlainHttp", "maskKeys", "keyring", "budgetPerDay", "sessionAffinity"),
    )
    assert machine == {f"{SECTION}.{name}" for name in names}
    assert sorted(vscode_restricted()) == sorted(machine)


def test_folders_of_a_window_set_only_what_concerns_one_generation() -> None:
    properties = vscode_properties()
    resource = {name for name, schema in properties.items() if schema["scope"] == "resource"}

    assert resource == {f"{SECTION}.{SPECS[name].camel_name}" for name in PER_FOLDER}
    assert not {"provider", "baseUrl", "embeddedModel", "logLevel"} & {
        name.removeprefix(f"{SECTION}.") for name in resource
    }


def test_trust_itself_is_no_editor_setting() -> None:
    assert f"{SECTION}.trustedWorkspaceEndpoints" not in vscode_properties()


def test_document_shows_the_settings_as_they_are() -> None:
    """Write it anew with `uv run poe regenerate` when this fails."""
    document = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    _, _, rest = document.partition("by `poe regenerate` -->\n")
    table, _, _ = rest.partition("<!-- /settings -->")

    assert table == markdown_table()
