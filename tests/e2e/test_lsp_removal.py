"""What `remove` and `retry` leave of a document that the user has changed since."""

import pytest
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.editor import EditorHabits
from streaming_code_generator.testing.openai_replies import answer
from support.lsp_client import Buffer, EditorClient
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDINGS = pytest.mark.parametrize(
    "end", [pytest.param("\n", id="LF"), pytest.param("\r\n", id="CRLF")]
)


def lines(*texts: str, end: str) -> str:
    return "".join(text + end for text in texts)


async def replace_line(
    client: EditorClient, document: Buffer, number: int, length: int
) -> dict[str, object]:
    """Have a line replaced by code, and wait for it."""
    start = sum(len(line) for line in document.text.splitlines(keepends=True)[:number])
    document.editor.select(start, start + length)
    return await client.generate(document, ((number, 0), (number, length)), prompt="x")


def retype(client: EditorClient, document: Buffer, old: str, new: str) -> None:
    """Let the user, or a formatter, put another text in place of one."""
    start = document.text.index(old)
    client.type(document, start, start + len(old), new)


@ENDINGS
@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "the last one"])
async def test_selection_whose_replacement_was_undone_stays_as_it_is(
    client: EditorClient, endpoint: ScriptedEndpoint, end: str, *, by_id: bool
) -> None:
    endpoint.will(answer("foo(1)\n", "bar(2)\n", "baz(3)"))
    text = lines("above", "bar(2)", "below", end=end)
    document = client.open(text)
    result = await replace_line(client, document, 1, 6)
    while document.text != text:
        client.undo(document)
    await client.ping()

    if by_id:
        await client.command("remove", {"id": result["id"]})
    else:
        with pytest.raises(JsonRpcException, match="No generation has text"):
            await client.command("remove")

    assert document.text == text


@ENDINGS
async def test_code_that_a_formatter_has_rewritten_is_not_removed(
    client: EditorClient, endpoint: ScriptedEndpoint, end: str
) -> None:
    endpoint.will(answer("a = f( 'one' )\n", "b = f( 'two' )"))
    document = client.open(lines("# above", "", "# below", end=end))
    await client.generate(document, (1, 0), prompt="x")
    retype(client, document, "a = f( 'one' )", 'a = f("one")')
    retype(client, document, "b = f( 'two' )", 'b = f("two")')
    formatted = document.text

    for command in ("remove", "retry"):
        with pytest.raises(JsonRpcException, match="fragments"):
            await client.command(command)

    assert document.text == formatted


@ENDINGS
async def test_code_that_a_formatter_rewrote_whole_is_not_removed(
    client: EditorClient, endpoint: ScriptedEndpoint, end: str
) -> None:
    endpoint.will(answer("a = f( 'one' )\n", "b = f( 'two' )"))
    document = client.open(lines("# above", "", "# below", end=end))
    await client.generate(document, (1, 0), prompt="x")
    formatted = document.text.replace("( '", '("').replace("' )", '")')
    client.type(document, 0, len(document.text), formatted)

    with pytest.raises(JsonRpcException, match="fragments"):
        await client.command("remove")

    assert document.text == formatted


@ENDINGS
async def test_retry_keeps_what_was_typed_inside(
    client: EditorClient, endpoint: ScriptedEndpoint, end: str
) -> None:
    endpoint.will(answer("one = 1\n", "two = 2"), answer("three = 3"))
    document = client.open(lines("# above", "", "# below", end=end))
    await client.generate(document, (1, 0), prompt="x")
    at = document.text.index("two")
    client.type(document, at, at, "# typed" + end)

    await client.command("retry")

    assert document.text.count("# typed") == 1
    assert document.text.count("three = 3") == 1
    assert "one" not in document.text
    assert "two" not in document.text
    await client.command("remove")
    assert document.text.replace("# typed" + end, "") == lines("# above", "", "# below", end=end)


@ENDINGS
async def test_generations_over_one_another_are_removed_step_by_step(
    client: EditorClient, endpoint: ScriptedEndpoint, end: str
) -> None:
    endpoint.will(answer("one = 1\n", "two = 2"), answer("three = 3"), answer("four = 4"))
    texts = [lines("# above", "zero = 0", "# below", end=end)]
    document = client.open(texts[0])
    for length in (8, 7, 9):
        await replace_line(client, document, 1, length)
        texts.append(document.text)

    for text in reversed(texts[:-1]):
        await client.command("remove")
        assert document.text == text


@ENDINGS
async def test_what_another_generation_stands_on_is_removed_after_it(
    client: EditorClient, endpoint: ScriptedEndpoint, end: str
) -> None:
    endpoint.will(answer("one = 1\n", "two = 2"), answer("three = 3"))
    text = lines("# above", "zero = 0", "# below", end=end)
    document = client.open(text)
    first = await replace_line(client, document, 1, 8)
    second = await replace_line(client, document, 2, 7)
    both = document.text

    with pytest.raises(JsonRpcException, match=f"`{second['id']}` stands on the code"):
        await client.command("remove", {"id": first["id"]})
    assert document.text == both

    await client.command("remove", {"id": second["id"]})
    await client.command("remove", {"id": first["id"]})
    assert document.text == text


async def test_selection_that_another_generation_is_writing_in_is_refused(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("one = 1\n", "two = 2\n")
    endpoint.will(stream, answer("unwanted"))
    text = "l1\nl2\nl3\nl4\nl5\n"
    document = client.open(text)
    document.editor.select(0, 8)
    call = client.begin_generate(document, ((0, 0), (2, 2)), prompt="x")
    await client.until(lambda: "one" in document.text, "the first line")
    at = document.text.index("l3") + 2
    document.editor.select(at - 2, at + 6)
    line = document.text[:at].count("\n")

    for place in (((line, 0), (line + 2, 2)), (line, 1)):
        with pytest.raises(JsonRpcException, match="still writing in that range"):
            await client.generate(document, place, prompt="y")

    stream.release_all()
    await call.result()
    assert "unwanted" not in document.text
    await client.command("remove")
    assert document.text == text


async def test_code_that_is_accepted_while_it_is_being_removed_ends_the_removal_at_once(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("one = 1"))
    document = client.open("# above\n")
    result = await client.generate(document, (1, 0), prompt="x")
    document.editor.habits = EditorHabits(read_only=True)

    removal = client.begin("remove", {"id": result["id"]})
    await client.command("accept", {"id": result["id"]})

    with pytest.raises(JsonRpcException, match="accepted"):
        await removal.result()
    assert document.text == "# above\none = 1\n"


async def test_code_that_is_removed_twice_at_once_is_removed(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("one = 1"))
    document = client.open("# above\n", habits=EditorHabits(change_delay_s=0.1))
    result = await client.generate(document, (1, 0), prompt="x")

    removals = [client.begin("remove", {"id": result["id"]}) for _ in range(2)]

    assert [(await removal.result())["status"] for removal in removals] == ["removed"] * 2
    assert document.text == "# above\n"
