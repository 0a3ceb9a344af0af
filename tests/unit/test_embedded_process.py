"""The parts of keeping a child process that need none: backoff, and words for how it ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.providers.embedded.child import ServerConfig
from streaming_code_generator.providers.embedded.embedded_provider import suitable_threads
from streaming_code_generator.providers.embedded.process import (
    STABLE_AFTER_S,
    RestartBackoff,
    child_command,
    child_environment,
    describe_exit,
    first_logged_error,
)


def test_first_start_and_first_restart_need_not_wait() -> None:
    backoff = RestartBackoff()
    assert backoff.remaining_s(0.0) == 0.0
    backoff.note_start(0.0)
    backoff.note_end(1.0)
    assert backoff.remaining_s(1.0) == 0.0


def test_waits_double_up_to_the_longest() -> None:
    backoff = RestartBackoff(first_delay_s=1.0, longest_delay_s=5.0)
    waits = []
    for _ in range(6):
        backoff.note_start(0.0)
        backoff.note_end(0.0)
        waits.append(backoff.remaining_s(0.0))
    assert waits == [0.0, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_stable_life_is_forgiven() -> None:
    backoff = RestartBackoff()
    for _ in range(5):
        backoff.note_start(0.0)
        backoff.note_end(1.0)
    backoff.note_start(100.0)
    backoff.note_end(100.0 + STABLE_AFTER_S)
    assert backoff.remaining_s(100.0 + STABLE_AFTER_S) == 0.0


@given(ends=st.integers(min_value=0, max_value=5000))
def test_wait_is_bounded_however_often_it_ends(ends: int) -> None:
    backoff = RestartBackoff(early_ends=ends)
    assert 0.0 <= backoff.remaining_s(0.0) <= backoff.longest_delay_s


@pytest.mark.parametrize(
    ("returncode", "text"),
    [
        (None, "stopped answering"),
        (0, "ended with exit code 0"),
        (3, "ended with exit code 3"),
        (-9, "was killed by SIGKILL"),
        (-200, "was killed by signal 200"),
    ],
)
def test_end_is_put_in_words(returncode: int | None, text: str) -> None:
    assert describe_exit(returncode) == text


def test_first_error_in_the_log_is_the_cause() -> None:
    log = (
        "0.00.001.000 I srv init: loading\n"
        "0.00.016.252 E llama_model_load: error loading model: tensor 'x' is out of bounds\n"
        "0.00.016.300 E srv init: exiting due to model loading error\n"
    )
    assert first_logged_error(log) == "tensor 'x' is out of bounds"
    assert first_logged_error("no such line") == ""


def test_configuration_comes_through_its_line_unchanged() -> None:
    config = ServerConfig(
        model_path='/home/é "x"/m.gguf',
        model_id="m",
        api_key="k",
        slots=2,
        context_tokens=4096,
        batch_tokens=128,
        threads=2,
    )
    assert config.to_line().count(b"\n") == 1
    assert ServerConfig.from_line(config.to_line()) == config


def test_working_directory_is_kept_out_of_the_childs_imports() -> None:
    assert "-P" in child_command()


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 3), (8, 4), (12, 6), (64, 8)])
def test_threads_leave_a_core_to_the_editor(cores: int, threads: int) -> None:
    assert suitable_threads(cores) == threads


def test_child_inherits_no_keys_under_whatever_name() -> None:
    environment = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "LC_ALL": "C",
        "PYTHONPATH": "/here",
        "OMP_NUM_THREADS": "2",
        "OPENAI_API_KEY": "canary",
        "MY_MODEL": "canary",
        "LLAMA_API_KEY": "canary",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "XDG_SESSION_TOKEN": "canary",
    }

    assert set(child_environment(environment)) == {
        "PATH",
        "HOME",
        "LC_ALL",
        "PYTHONPATH",
        "OMP_NUM_THREADS",
    }
