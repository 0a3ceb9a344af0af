"""What is logged, and what never is."""

import errno
import io
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.logs import _KEY_SHAPES, LogSink, install, redacted

LOGGER = logging.getLogger("streaming_code_generator.tests")


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def sink(stream: io.StringIO) -> Iterator[LogSink]:
    installed = install(stream)
    yield installed
    installed.close()


@pytest.mark.parametrize(
    "text",
    [
        "key sk-proj-Abc_123-def456",
        "Incorrect API key provided: sk-abcdef123456.",
        "Authorization: Bearer hunter2hunter2",
        "{'Authorization': 'Bearer hunter2hunter2'}",
        '{"api_key": "hunter2hunter2"}',
        "x-api-key=hunter2hunter2",
        "GET http://user:hunter2@host/v1",
        "gsk_abcdefghijklmnop",
        "hf_abcdefghijklmnop",
    ],
)
def test_what_looks_like_a_key_is_masked(text: str) -> None:
    masked = redacted(text)

    assert "***" in masked
    for secret in ("hunter2", "Abc_123", "abcdef"):
        assert secret not in masked


@pytest.mark.parametrize(
    "text",
    [
        "Generated 212 tokens (27 prompt + 185 completion) in 2.31 s, smollm2-135m-instruct",
        "task-oriented risk-averse desk-bound",
        "No API key: set `OPENAI_API_KEY`",
        "http://127.0.0.1:8080/v1 refused the connection",
        "the bearer of news",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redacted(text) == text


PIECES = [
    *("sk-", "gsk_", "hf_", "AIza", "Bearer", "basic", "AUTHORIZATION", "x-api-key", "api_key"),
    *("http://", "HTTPS://u", ":", "=", "@", "'", " ", "\n", "-", "_", "é", "İ", "abcdef123456"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_every_place_is_found_that_the_patterns_find(text: str) -> None:
    masked = text
    for shape in _KEY_SHAPES:
        masked = shape.pattern.sub(r"\g<1>***" if shape.pattern.groups else "***", masked)
    assert redacted(text) == masked


def test_registered_key_is_masked_whatever_it_looks_like(
    sink: LogSink, stream: io.StringIO
) -> None:
    sink.redaction.hide("plainword")
    LOGGER.warning("sent %s to %s", "plainword", {"k": "plainword"})

    assert "plainword" not in stream.getvalue()
    assert "sent *** to" in stream.getvalue()


def test_longer_key_is_masked_as_a_whole(sink: LogSink) -> None:
    sink.redaction.hide("abcdef")
    sink.redaction.hide("abcdefghij")

    assert sink.redaction.redact("abcdefghij") == "***"


@pytest.mark.parametrize("placeholder", ["x", "test", "ollama"])
def test_placeholder_of_a_key_masks_no_ordinary_words(
    sink: LogSink, stream: io.StringIO, placeholder: str
) -> None:
    sink.redaction.hide(placeholder)
    LOGGER.warning("def test_latest_ollama(x):")

    assert "def test_latest_ollama(x):" in stream.getvalue()
    assert redacted("def test_x()", [placeholder]) == "def test_x()"


def test_record_that_cannot_be_written_is_not_printed_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    sink = install(Full())
    sink.redaction.hide("plainword")
    try:
        LOGGER.warning("sent %s", "plainword")
        LOGGER.warning("again %s", "plainword")
    finally:
        sink.close()

    told = capsys.readouterr().err
    assert "plainword" not in told
    assert told.count("No space left on device") == 1


def test_tracebacks_are_masked_too(sink: LogSink, stream: io.StringIO) -> None:
    sink.redaction.hide("plainword")
    try:
        int("plainword")
    except ValueError:
        LOGGER.exception("failed")

    assert "ValueError" in stream.getvalue()
    assert "plainword" not in stream.getvalue()


def test_other_handlers_see_the_record_unchanged(sink: LogSink) -> None:
    records: list[logging.LogRecord] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    sink.redaction.hide("plainword")
    keeper = Keeper()
    LOGGER.addHandler(keeper)
    try:
        LOGGER.warning("%s", "plainword")
    finally:
        LOGGER.removeHandler(keeper)

    assert records[0].getMessage() == "plainword"


@pytest.mark.parametrize(
    "name", ["pygls.protocol", "openai._base_client", "httpx2", "httpcore.http11"]
)
def test_foreign_loggers_are_capped_even_when_set_to_debug(
    sink: LogSink, stream: io.StringIO, name: str
) -> None:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        sink.set_level("debug")
        logger.info("Sending data: %s", "the whole prompt")
        logger.warning("something is wrong")
    finally:
        logger.setLevel(before)

    assert "the whole prompt" not in stream.getvalue()
    assert "something is wrong" in stream.getvalue()


def test_level_decides_what_is_heard(sink: LogSink, stream: io.StringIO) -> None:
    LOGGER.debug("first")
    sink.set_level("debug")
    LOGGER.debug("second")
    sink.set_level("error")
    LOGGER.warning("third")

    assert "first" not in stream.getvalue()
    assert "second" in stream.getvalue()
    assert "third" not in stream.getvalue()


def test_log_can_go_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    sink = install(path)
    LOGGER.warning("naïve sk-abcdef123456")
    sink.close()

    assert "naïve ***" in path.read_text(encoding="utf-8")


def test_log_file_is_its_users_own(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    install(path).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_log_file_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streaming_code_generator.logs.MOST_FILE_BYTES", 2000)
    path = tmp_path / "server.log"
    sink = install(path)
    for number in range(200):
        LOGGER.warning("line %d", number)
    sink.close()

    files = sorted(tmp_path.iterdir())
    assert sum(file.stat().st_size for file in files) < 3 * 2000
    assert "line 199" in path.read_text(encoding="utf-8")
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_closed_sink_writes_nothing_more(stream: io.StringIO) -> None:
    install(stream).close()
    LOGGER.warning("late")

    assert stream.getvalue() == ""
