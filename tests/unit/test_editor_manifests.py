"""What the plug-ins spell, each in its own language, is what the server says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from streaming_code_generator.cli.settings_command import vscode_properties, vscode_restricted
from streaming_code_generator.lsp.wire.exported import wire_names

EDITORS = Path(__file__).parents[2] / "editors"
WIRE: dict[str, Any] = wire_names()
COMMANDS: dict[str, str] = WIRE["commands"]


def source(name: str) -> str:
    return (EDITORS / name).read_text(encoding="utf-8")


def manifest() -> dict[str, Any]:
    return dict(json.loads(source("vscode/package.json")))


def test_vs_code_declares_the_servers_settings_and_its_own() -> None:
    """Write them anew with `uv run poe regenerate` when this fails."""
    configuration = manifest()["contributes"]["configuration"]
    own = json.loads(source("vscode/scripts/own-settings.json"))

    assert configuration["properties"] == {**vscode_properties(), **own}


def test_vs_code_takes_no_endpoint_from_a_workspace_that_is_not_trusted() -> None:
    restricted = manifest()["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]

    assert set(vscode_restricted()) <= set(restricted)


def test_vs_code_names_its_own_commands_apart_from_the_servers() -> None:
    """The language client registers the server's commands in the whole window."""
    contributed = {command["command"] for command in manifest()["contributes"]["commands"]}

    assert contributed
    assert not contributed & set(COMMANDS.values())


def test_vs_code_spells_the_wire_as_the_server_does() -> None:
    text = source("vscode/src/wire.ts")
    (block,) = re.findall(r"ServerCommand = \{(.*?)\}", text, re.DOTALL)
    commands = dict(re.findall(r"(\w+): `\$\{SECTION\}\.(\w+)`", block))
    (states,) = re.findall(r"GenerationState = (.*?);", text)
    (announcements,) = re.findall(r"ANNOUNCEMENTS = \{(.*?)\}", text, re.DOTALL)

    assert f"SECTION = '{WIRE['section']}'" in text
    assert {name: f"{WIRE['section']}.{end}" for name, end in commands.items()}.items() <= (
        COMMANDS.items()
    )
    assert re.findall(r"'(\w+)'", states) == WIRE["generationStates"]
    assert set(re.findall(r"(\w+): true", announcements)) <= set(WIRE["initializationOptions"])
    assert "`${SECTION}/didUpdateGeneration`" in text


def test_neovim_spells_the_wire_as_the_server_does() -> None:
    text = source("nvim/lua/streaming_code_generator/wire.lua")
    aliases = {
        name: re.findall(r"'(\w+)'", block)
        for name, block in re.findall(r"---@alias \S+\.(\w+)\n((?:---\| '\w+'\n)+)", text)
    }

    assert aliases["State"] == WIRE["generationStates"]
    assert set(aliases["Command"]) == set(COMMANDS)
    assert f"'{WIRE['section']}.' .. command" in text


@pytest.mark.parametrize(
    "name",
    [
        "nvim/lsp/streaming_code_generator.lua",
        "emacs/streaming-code-generator.el",
    ],
)
def test_plug_ins_announce_and_hear_what_the_server_knows(name: str) -> None:
    text = source(name)
    options = WIRE["initializationOptions"]

    assert WIRE["notifications"]["didUpdateGeneration"] in text
    assert options["generationUpdates"] in text
    assert options["endpointSettingsAreMachineScoped"] in text or name.startswith("emacs")


def test_emacs_runs_only_commands_that_the_server_has() -> None:
    text = source("emacs/streaming-code-generator.el")
    used = set(re.findall(r'streaming-code-generator--(?:server|running-or-lose)\) "(\w+)"', text))

    assert f'(concat "{WIRE["section"]}." command)' in text
    assert used == set(COMMANDS)
