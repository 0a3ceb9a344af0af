"""Every answer of the corpus makes the right document through the language server, too.

One server answers all of them, each cut into chunks in one of the ways that `test_filter` tries all
of: a fifth of the answers comes in each. The most numerous kind is `slow`; every answer in every
way is `longer`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from answers.corpus import Case, cases_by_kind, chunkings
from streaming_code_generator.testing.openai_replies import Reply, answer
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from support.entries import offset
from support.lsp_client import EditorClient, connected
from support.lsp_process import server_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

KINDS = cases_by_kind()
WARNING = 2
"""LSP 3.18, MessageType.Warning."""


class Answers:
    """An endpoint that answers in the chunks it is given."""

    def __init__(self) -> None:
        self.chunks: list[str] = []
        self.server = OpenAIServer(reply_to=self._reply)

    def _reply(self, _request: RecordedRequest) -> Reply:
        return answer(*self.chunks)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def answers() -> AsyncIterator[Answers]:
    answers = Answers()
    async with answers.server:
        yield answers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(
    answers: Answers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[EditorClient]:
    home: Path = tmp_path_factory.mktemp("home")
    environment = server_environment(home, answers.server.base_url, MAX_RETRIES="0")
    async with connected(tmp_path_factory.mktemp("workspace"), environment) as client:
        yield client


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] * (kind == "tasks")) for kind in KINDS],
)
async def test_an_answer_makes_the_right_document(
    client: EditorClient, answers: Answers, kind: str, subtests: pytest.Subtests
) -> None:
    for number, case in enumerate(KINDS[kind]):
        ways = [chunks for chunks in chunkings(case.answer).values() if chunks]
        answers.chunks = ways[number % len(ways)]
        with subtests.test(case.name):
            await check(client, case)


@pytest.mark.longer
@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_makes_the_right_document_however_it_is_cut(
    client: EditorClient, answers: Answers, kind: str, subtests: pytest.Subtests
) -> None:
    for case in KINDS[kind]:
        for way, answers.chunks in chunkings(case.answer).items():
            with subtests.test(case.name, way=way):
                if answers.chunks:
                    await check(client, case)


async def check(client: EditorClient, case: Case) -> None:
    since = len(client.heard)
    document = client.open(case.document, language_id=case.language_id, suffix=".any")
    if case.start != case.end:
        document.editor.select(offset(case.document, case.start), offset(case.document, case.end))
    place = case.start if case.start == case.end else (case.start, case.end)
    more = {} if case.prompt is None else {"prompt": case.prompt}

    result = await client.generate(document, place, **more)

    assert document.text == case.right
    assert result["status"] == "completed"
    if case.warning is not None:
        assert any(case.warning in warning for warning in result["warnings"])
    if case.is_nothing:
        [shown] = client.said("window/showMessage", since)
        assert shown["type"] == WARNING
        assert "Nothing was inserted" in shown["message"]
    client.close(document)
    client.buffers.clear()
    client.heard.clear()
