"""The lean road of an edit's messages leads to the same bytes and objects as the general one."""

import json

import pytest
from lsprotocol import converters, types
from pygls.lsp.server import LanguageServer

from streaming_code_generator.editing.exchange import OutgoingEdit, TextReplacement
from streaming_code_generator.lsp.documents.open_document import (
    REFUSALS_BEFORE_UNVERSIONED,
    AppliedEdits,
    EditForm,
)
from streaming_code_generator.lsp.protocol import LONG_CHARACTERS, encoded, framed, is_long
from streaming_code_generator.lsp.wire import (
    DidChangeParams,
    EditReply,
    edit_reply,
    reported_changes,
)

CONVERTER = converters.get_converter()
URI = "file:///a.py"
PLACES = [((1, 2), (3, 4), 'tab\t "quoted" é🦀'), ((5, 0), (5, 0), "")]


def outgoing_edit(version: int | None) -> OutgoingEdit:
    replacements = tuple(
        TextReplacement(start=start, end=end, text=text) for start, end, text in PLACES
    )
    return OutgoingEdit(edit_id=1, version=version, replacements=replacements)


def general_edits() -> list[types.TextEdit]:
    return [
        types.TextEdit(types.Range(types.Position(*start), types.Position(*end)), text)
        for start, end, text in PLACES
    ]


@pytest.mark.parametrize("version", [7, None])
def test_a_versioned_edit_is_byte_equal_to_the_general_one(version: int | None) -> None:
    document = types.OptionalVersionedTextDocumentIdentifier(uri=URI, version=version)
    change = types.TextDocumentEdit(text_document=document, edits=list(general_edits()))
    general = CONVERTER.unstructure(types.WorkspaceEdit(document_changes=[change]))
    lean = EditForm(AppliedEdits()).workspace_edit(URI, outgoing_edit(version))
    assert json.dumps(lean) == json.dumps(general)


def test_an_unversioned_edit_is_byte_equal_to_the_general_one() -> None:
    general = CONVERTER.unstructure(types.WorkspaceEdit(changes={URI: general_edits()}))
    form = EditForm(AppliedEdits())
    for _ in range(REFUSALS_BEFORE_UNVERSIONED):
        form.workspace_edit(URI, outgoing_edit(7))
        form.answered(applied=False)
    assert json.dumps(form.workspace_edit(URI, outgoing_edit(7))) == json.dumps(general)


def test_an_edit_is_framed_as_pygls_frames_its_messages() -> None:
    written: list[bytes] = []

    class Writer:
        def close(self) -> None: ...

        def write(self, data: bytes) -> None:
            written.append(data)

    message = EditForm(AppliedEdits()).workspace_edit(URI, outgoing_edit(7))
    protocol = LanguageServer("any", "1").protocol
    protocol.set_writer(Writer())
    protocol._send_data(message)
    assert written == [framed(message)]


def test_what_is_long_is_encoded_as_what_is_short() -> None:
    # Each part of the long text begins and ends in the middle of something.
    long = 'é🦀"\\\n\ud83e\0' * LONG_CHARACTERS
    value = {"text": long, "none": None, "all": [[], {}, [1, 2.5, True], {"a": long, 'b"': ""}]}

    assert is_long(value)
    assert not is_long({**value, "text": "", "all": []})
    assert encoded(value) == json.dumps(value).encode()
    assert json.loads(encoded([{1, 2}], repr)) == ["{1, 2}"]


@pytest.mark.parametrize(
    ("response", "reply"),
    [
        ({"result": {"applied": True}}, EditReply(applied=True)),
        ({"result": {"applied": True}, "error": None}, EditReply(applied=True)),
        ({"result": {"applied": False}}, EditReply(applied=False)),
        (
            {"result": {"applied": False, "failureReason": "read-only", "failedChange": 0}},
            EditReply(applied=False, reason="read-only"),
        ),
        ({"result": {}}, EditReply(applied=False)),
        ({"result": None}, EditReply(applied=False)),
        ({"result": []}, EditReply(applied=False)),
        ({}, EditReply(applied=False)),
        ({"error": {"code": 1, "message": "busy"}}, EditReply(applied=False, reason="busy")),
        ({"error": {"code": 1}}, EditReply(applied=False)),
    ],
)
def test_a_response_to_an_edit_is_read_whatever_is_in_it(
    response: dict[str, object], reply: EditReply
) -> None:
    assert edit_reply(response) == reply


NEGATIVE = {"start": {"line": 0, "character": -1}, "end": {"line": 0, "character": 1}}


def change(**more: object) -> dict[str, object]:
    start, end = {"line": 0, "character": 1}, {"line": 2, "character": 3}
    return {"range": {"start": start, "end": end}, "text": "x", **more}


@pytest.mark.parametrize("changes", [[], [change()], [change(), change(rangeLength=3)]])
def test_a_plain_change_is_read_as_the_general_road_reads_it(changes: list[object]) -> None:
    params = {"textDocument": {"uri": URI, "version": 3}, "contentChanges": changes}
    general = CONVERTER.structure(params, DidChangeParams)
    assert reported_changes(params) == general.document_change()


@pytest.mark.parametrize(
    "params",
    [
        None,
        {"textDocument": {"uri": URI, "version": None}, "contentChanges": [change()]},
        {"textDocument": {"uri": URI}, "contentChanges": [change()]},
        {"textDocument": {"uri": URI, "version": 3}, "contentChanges": [{"text": "whole"}]},
        {"textDocument": {"uri": URI, "version": 3}, "contentChanges": [change(text=None)]},
        {"textDocument": {"uri": URI, "version": 3}, "contentChanges": "x"},
        {"textDocument": {"uri": URI, "version": 3}, "contentChanges": [change(range=NEGATIVE)]},
    ],
    ids=["nothing", "null version", "no version", "whole text", "no text", "no list", "negative"],
)
def test_an_unusual_change_is_left_to_the_general_road(params: object) -> None:
    assert reported_changes(params) is None
