"""What holds for every test: no settings of whoever runs them, no haste, no chance."""

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

# The machine's speed is no property of the code, and a failure must come again.
settings.register_profile("reproducible", deadline=None, derandomize=True)
settings.register_profile("few", settings.get_profile("reproducible"), max_examples=10)
settings.register_profile("longer", settings.get_profile("reproducible"), max_examples=2000)
settings.load_profile("reproducible")

# Dozens of processes are started, and each would compile every module that it imports; where pip is
# tried, it would compile thousands that nothing imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ["PIP_COMPILE"] = "0"

# What a shell runs in the background ignores Ctrl-C, and so would all that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_LEAKING_PREFIXES = ("OPENAI_", "STREAMING_CODE_GENERATOR_")


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """With `-n auto`, run two tests for each core: half of their time they wait."""
    return 2 * (yield)


def pytest_configure(config: pytest.Config) -> None:
    """With `-n auto`, start what servers are forked from: once, and while tests are collected."""
    if config.getoption("numprocesses", None) and sys.platform == "linux":
        # With `-n` only: it is slow to import.
        from support.fork_server import fork_server  # noqa: PLC0415

        fork_server()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep thousands of tests out of every garbage collection that a test causes or asks for."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadFileScheduling":
    """With `-n auto`, run each file in one process, for the server its tests share.

    They come in their order: the long files, end to end, are done when only short ones are left.
    """
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - only with `-n`

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the keys, settings, configuration file and ledger of the user who runs the tests."""
    data_home = str(tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(_LEAKING_PREFIXES)]:
            environment.delenv(name)
        environment.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        environment.setenv("XDG_DATA_HOME", data_home)
        environment.setenv("XDG_STATE_HOME", data_home)
        yield
