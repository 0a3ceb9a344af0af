"""A workspace's `.env` is read without believing it, and without touching the environment."""

import os
from pathlib import Path

import pytest

from streaming_code_generator.settings import Secret, SettingsSources, resolve


def dotenv(folder: Path, text: str) -> Path:
    (folder / ".env").write_text(text, encoding="utf-8")
    return folder


def test_reading_changes_no_environment(tmp_path: Path) -> None:
    root = dotenv(tmp_path, "OPENAI_API_KEY=k\nSTREAMING_CODE_GENERATOR_MODEL=m\n")
    before = dict(os.environ)

    resolved = resolve(SettingsSources(workspace_root=root))

    assert resolved.settings.model == "m"
    assert dict(os.environ) == before


def test_nothing_of_the_environment_is_interpolated(tmp_path: Path) -> None:
    """A folder that writes `${TOKEN}` must not get the user's token into a request."""
    name = next(iter(sorted(os.environ)))
    root = dotenv(tmp_path, f"STREAMING_CODE_GENERATOR_SYSTEM_PROMPT=${{{name}}}\n")

    resolved = resolve(SettingsSources(workspace_root=root))

    assert resolved.settings.system_prompt == f"${{{name}}}"


def test_only_the_root_of_the_workspace_is_looked_at(tmp_path: Path) -> None:
    dotenv(tmp_path, "STREAMING_CODE_GENERATOR_MODEL=m\n")
    inner = tmp_path / "inner"
    inner.mkdir()

    assert resolve(SettingsSources(workspace_root=inner)).settings.model is None


def test_variables_of_other_programs_are_nobodys_business(tmp_path: Path) -> None:
    root = dotenv(tmp_path, "export DEBUG=1\nDATABASE_URL='postgres://u:p@h/d'\nBARE\n")

    assert resolve(SettingsSources(workspace_root=root)).problems == ()


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    root = dotenv(tmp_path, "OPENAI_API_KEY=theirs\n")

    resolved = resolve(SettingsSources(workspace_root=root, environment={"OPENAI_API_KEY": "mine"}))

    assert resolved.api_key == Secret("mine")


def test_key_is_looked_for_under_the_name_the_user_set(tmp_path: Path) -> None:
    root = dotenv(tmp_path, "OPENAI_API_KEY=other\nTEAM_KEY=team\n")

    resolved = resolve(
        SettingsSources(
            workspace_root=root,
            environment={"STREAMING_CODE_GENERATOR_TRUSTED_WORKSPACES": str(tmp_path)},
            initialization_options={"apiKeyEnv": "TEAM_KEY"},
        )
    )

    assert resolved.api_key == Secret("team")
    assert str(resolved.api_key_origin) == "the workspace's .env: TEAM_KEY"


def test_folder_of_that_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    assert resolve(SettingsSources(workspace_root=tmp_path)).problems == ()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are files here")
def test_pipe_of_that_name_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")

    assert resolve(SettingsSources(workspace_root=tmp_path)).api_key is None
