"""What Pygments knows of a language, and when it is loaded."""

import asyncio

import pytest
from pygments.lexers import find_lexer_class_by_name

from streaming_code_generator.core.syntax import load_lexer
from streaming_code_generator.lsp.client import Capabilities
from streaming_code_generator.lsp.server import build_server
from streaming_code_generator.lsp.state import new_state
from streaming_code_generator.lsp.wire import OpenedDocument
from streaming_code_generator.settings import SettingsSources


def is_compiled(language_id: str) -> bool:
    return "_tokens" in vars(find_lexer_class_by_name(language_id))


def test_a_lexer_that_was_loaded_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    # Another test of this process may have used it.
    monkeypatch.delattr(find_lexer_class_by_name("fortran"), "_tokens", raising=False)
    assert not is_compiled("fortran")

    load_lexer("fortran")

    assert is_compiled("fortran")


async def test_an_opened_document_has_its_lexer_compiled_in_a_thread() -> None:
    sources = SettingsSources.of_process()
    state = new_state(build_server(), sources, None, Capabilities(), "utf-16")
    document = OpenedDocument(uri="file:///sorted.adb", language_id="ada", text="")
    assert not is_compiled("ada")

    state.documents.opened(document)

    await asyncio.get_running_loop().shutdown_default_executor()
    assert is_compiled("ada")
