"""In which form edits go out: by what a client has shown, document by document."""

from streaming_code_generator.editing.exchange import OutgoingEdit
from streaming_code_generator.lsp.documents.open_document import AppliedEdits, EditForm


def answers(form: EditForm, replies: str, *, version: int = 5) -> list[int | str | None]:
    """Return what is sent as the version, edit after edit, given the client's replies."""
    sent: list[int | str | None] = []
    for reply in replies.split():
        edit = form.workspace_edit(
            "file:///a.py", OutgoingEdit(edit_id=1, version=version, replacements=())
        )
        match edit:
            case {"documentChanges": [{"textDocument": {"version": int(shown)}}]}:
                sent.append(shown)
            case {"changes": _}:
                sent.append("unversioned")
        form.answered(applied=reply == "yes")
    return sent


def test_document_whose_versioned_edits_are_refused_twice_gets_the_older_form() -> None:
    client = AppliedEdits()

    assert answers(EditForm(client), "no no yes yes") == [
        *(5, 5),
        *("unversioned", "unversioned"),
    ]
    assert not client.takes_versions


def test_refusals_in_one_document_say_nothing_of_another() -> None:
    client = AppliedEdits()
    answers(EditForm(client), "no no no")

    assert answers(EditForm(client), "yes") == [5]


def test_client_that_has_taken_one_versioned_edit_gets_no_others() -> None:
    client = AppliedEdits()
    answers(EditForm(client), "yes")

    assert answers(EditForm(client), "no no no") == [5, 5, 5]


def test_client_that_announces_versioned_edits_gets_no_others() -> None:
    assert answers(EditForm(AppliedEdits(takes_versions=True)), "no no no") == [5, 5, 5]


def test_version_zero_goes_out_as_one_until_that_is_refused() -> None:
    client = AppliedEdits()

    assert answers(EditForm(client), "yes", version=0) == [1]
    assert answers(EditForm(client), "no yes", version=0) == [1, 0]
    assert answers(EditForm(client), "yes", version=0) == [0]


def test_read_only_document_at_version_zero_says_nothing_of_another() -> None:
    client = AppliedEdits(takes_versions=True)

    assert answers(EditForm(client), "no no no", version=0) == [1, 0, 0]
    assert answers(EditForm(client), "yes", version=0) == [1]
