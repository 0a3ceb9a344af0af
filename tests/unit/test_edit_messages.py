"""The lean road of an edit's messages leads to the same bytes and objects as the general one."""

import json

import pytest
from lsprotocol import converters, types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from streaming_code_generator.editing.exchange import OutgoingEdit, ReportedChange, TextReplacement
from streaming_code_generator.lsp.documents.open_document import (
    REFUSALS_BEFORE_UNVERSIONED,
    AppliedEdits,
    EditForm,
)
from streaming_code_generator.lsp.output import LONG_CHARACTERS, encoded, framed, is_long
from streaming_code_generator.lsp.wire.document_messages import (
    ClosedDocument,
    DocumentChange,
    EditReply,
    OpenedDocument,
    edit_reply,
    read_notification,
)
from streaming_code_generator.lsp.wire.names import DID_UNDO

DID_OPEN, DID_CHANGE = types.TEXT_DOCUMENT_DID_OPEN, types.TEXT_DOCUMENT_DID_CHANGE
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


def change(**more: object) -> dict[str, object]:
    start, end = {"line": 0, "character": 1}, {"line": 2, "character": 3}
    return {"range": {"start": start, "end": end}, "text": "x", **more}


@pytest.mark.parametrize(
    "changes", [[], [change()], [change(), change(rangeLength=3)], [{"text": "whole"}, change()]]
)
def test_a_change_is_read_as_the_general_road_reads_it(changes: list[object]) -> None:
    params = {"textDocument": {"uri": URI, "version": 3}, "contentChanges": changes}
    general = CONVERTER.structure(params, types.DidChangeTextDocumentParams)
    expected = []
    for each in general.content_changes:
        if isinstance(each, types.TextDocumentContentChangePartial):
            start, end = each.range.start, each.range.end
            where = ((start.line, start.character), (end.line, end.character))
            expected.append(ReportedChange(where, each.text))
        else:
            expected.append(ReportedChange(None, each.text))
    assert read_notification(DID_CHANGE, params) == DocumentChange(URI, 3, expected)


def test_an_opened_document_is_read_as_the_general_road_reads_it() -> None:
    params = {"textDocument": {"uri": URI, "languageId": "python", "version": 3, "text": "é"}}
    general = CONVERTER.structure(params, types.DidOpenTextDocumentParams).text_document
    assert read_notification(DID_OPEN, params) == OpenedDocument(
        uri=general.uri,
        language_id=general.language_id,
        version=general.version,
        text=general.text,
    )


@pytest.mark.parametrize(
    "version", [{"version": None}, {}, {"version": "3"}], ids=["null", "none", "text"]
)
def test_a_document_without_a_version_is_followed(version: dict[str, object]) -> None:
    item = {"uri": URI, **version}
    params = {"textDocument": {**item, "text": ""}, "contentChanges": []}
    for method in (DID_CHANGE, DID_OPEN, DID_UNDO):
        message = read_notification(method, params)
        assert not isinstance(message, ClosedDocument)
        assert message.version is None


def test_whole_numbers_may_be_written_as_fractions() -> None:
    position = {"line": 3.0, "character": 4.0}
    content = {"range": {"start": position, "end": position}, "text": ""}
    params = {"textDocument": {"uri": URI, "version": 2.0}, "contentChanges": [content]}
    assert read_notification(DID_CHANGE, params) == DocumentChange(
        URI, 2, [ReportedChange(((3, 4), (3, 4)), "")]
    )


def changed(changes: object, **document: object) -> object:
    item = {"uri": URI, "version": 3, **document}
    return {"textDocument": item, "contentChanges": changes}


NEGATIVE = {"start": {"line": 0, "character": -1}, "end": {"line": 0, "character": 1}}


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        {},
        {"textDocument": None, "contentChanges": []},
        changed("x"),
        changed([None]),
        changed([], uri=7),
        changed([change(text=None)]),
        changed([change(range=NEGATIVE)]),
        changed([change(range={"start": {"line": 0.5, "character": 0}})]),
    ],
)
def test_parameters_that_cannot_be_used_are_refused_without_their_text(params: object) -> None:
    with pytest.raises(JsonRpcInvalidParams, match="do not fit the protocol") as refusal:
        read_notification(DID_CHANGE, params)
    assert URI not in str(refusal.value)


@pytest.mark.parametrize("method", [DID_OPEN, types.TEXT_DOCUMENT_DID_CLOSE, DID_UNDO])
@pytest.mark.parametrize("params", [None, [], {}, {"textDocument": None}, {"textDocument": {}}])
def test_a_document_that_has_no_name_is_refused(method: str, params: object) -> None:
    with pytest.raises(JsonRpcInvalidParams, match="do not fit the protocol"):
        read_notification(method, params)
