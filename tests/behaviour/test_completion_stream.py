"""A suggestion's stream, without a server around it."""

import asyncio

from streaming_code_generator.core.attempts import unrecorded
from streaming_code_generator.core.complete.fill import FillRequest
from streaming_code_generator.lsp.completions.completion_stream import CompletionStream, Cursor
from streaming_code_generator.testing.scripted import ScriptedProvider, text_script


async def test_a_stream_that_is_closed_before_it_has_begun_is_over() -> None:
    cursor = Cursor(["x = \n"], 0, 4)
    ended: list[CompletionStream] = []
    stream = CompletionStream(
        cursor,
        ScriptedProvider(text_script("1\n")),
        FillRequest(window=cursor.window),
        is_warm=True,
        timeout_s=60.0,
        on_end=ended.append,
        record=unrecorded,
    )
    stream.close()
    async with asyncio.timeout(10):
        while not stream.is_over:
            await stream.news(None)
    assert ended == [stream]
    assert stream.text.so_far == ""
