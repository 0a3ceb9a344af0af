"""What tests with a real Neovim share; a test module names it in its `pytest_plugins`."""

from collections.abc import Iterator

import pytest
from neovim_editor import Neovim
from neovim_model import Model


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    """What answers in the place of a model."""
    with Model() as model:
        yield model


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """Return variables of the server's environment; a module may have others."""
    return {}


@pytest.fixture(scope="module")
def shared_editor(
    model: Model, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Neovim]:
    """Start an editor for all tests of a module."""
    environment = model.environment | settings
    with Neovim(tmp_path_factory.mktemp("nvim"), environment=environment) as editor:
        editor.command("set hidden")
        yield editor


@pytest.fixture
def editor(shared_editor: Neovim) -> Iterator[Neovim]:
    """Return the module's editor, and leave it without windows and buffers."""
    yield shared_editor
    shared_editor.keys("<Esc>")
    shared_editor.command("only! | silent! %bwipeout!")
    shared_editor.lua("_G.messages = {}")
