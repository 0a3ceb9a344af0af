"""What the package promises to those who import it; its types are in `tests/typecheck`."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import streaming_code_generator

PROMISED = [
    "APIError",
    "CompletionRequest",
    "ConfigurationError",
    "Delta",
    "EmptyChunkArrived",
    "GenerationEvent",
    "GenerationFinished",
    "GenerationResult",
    "Message",
    "PromptProgress",
    "Provider",
    "ProviderDescription",
    "RetryScheduled",
    "StreamProcessError",
    "StreamStats",
    "StreamStatus",
    "StreamingCodeGenerator",
    "StreamingError",
    "TextArrived",
    "Usage",
]


def test_the_promised_names_are_all_there_and_no_others() -> None:
    assert streaming_code_generator.__all__ == PROMISED
    assert all(hasattr(streaming_code_generator, name) for name in PROMISED)
    assert set(PROMISED) <= set(dir(streaming_code_generator))


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = streaming_code_generator.nothing_such  # type: ignore[attr-defined]


def test_the_version_is_that_of_the_distribution() -> None:
    installed = version("streaming-code-generator")
    assert streaming_code_generator.__version__ == installed


@pytest.mark.parametrize("touched", ["", ", StreamingCodeGenerator"])
def test_importing_the_package_imports_no_backend(touched: str) -> None:
    code = (
        f"from streaming_code_generator import APIError{touched}\n"
        "import sys\n"
        "heavy = {'openai', 'httpx2', 'tiktoken', 'xllamacpp', 'pygls'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_statuses_are_those_promised() -> None:
    names = [status.name for status in streaming_code_generator.StreamStatus]
    assert names == ["INITIALIZING", "PROCESSING", "COMPLETED", "CANCELLED", "ERROR"]
