"""Spellings of one URI are one document; other documents stay others."""

import pytest

from streaming_code_generator.lsp.documents.files import document_key
from streaming_code_generator.lsp.wire.uris import is_uri


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("file:///a%20b.py", "file:///a b.py", id="space"),
        pytest.param("file:///C%3A/a.py", "file:///c%3a/a.py", id="case of an escape"),
        pytest.param("file:///C:/a.py", "file:///c%3A/a.py", id="drive letter"),
        pytest.param("file:///gr%C3%B6%c3%9fe.py", "file:///größe.py", id="letters beyond ASCII"),
        pytest.param("file:///a/%7euser/%28x%29.py", "file:///a/~user/(x).py", id="marks"),
        pytest.param("FILE:///a.py", "file:///a.py", id="case of the scheme"),
        pytest.param("file://localhost/a.py", "file:///a.py", id="local host"),
        pytest.param("untitled:Untitled%2D1", "untitled:Untitled-1", id="no file"),
        pytest.param(
            "vscode-vfs://github/a/b%2Ec?x=%61", "vscode-vfs://github/a/b.c?x=a", id="query"
        ),
        pytest.param("file:///%FF.py", "file:///%ff.py", id="no UTF-8"),
    ],
)
def test_spellings_of_one_document(one: str, other: str) -> None:
    assert document_key(one) == document_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("file:///a.py", "file:///A.py", id="case of a name"),
        pytest.param("file:///a%2Fb.py", "file:///a/b.py", id="escaped slash"),
        pytest.param("file:///a%2520b.py", "file:///a%20b.py", id="escaped escape"),
        pytest.param("file:///a%3Fb", "file:///a?b", id="escaped question mark"),
        pytest.param("file:///a.py", "untitled:/a.py", id="scheme"),
        pytest.param("file://one/a.py", "file://other/a.py", id="host"),
        pytest.param("untitled:/D:/a", "untitled:/d:/a", id="drive letter of no file"),
        pytest.param("git:/a.py?1", "git:/a.py?2", id="query"),
        pytest.param("memfs:/a#1", "memfs:/a#2", id="fragment"),
    ],
)
def test_other_documents(one: str, other: str) -> None:
    assert document_key(one) != document_key(other)


def test_what_is_no_uri_stands_for_itself() -> None:
    assert not is_uri("file://[bad/x.py")
    assert document_key("file://[bad/x.py") == "file://[bad/x.py"
