"""The testing kit works as its documentation says, from outside and without this repository."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "testing-kit.md"
TIMEOUT_S = 120.0


def code_blocks() -> list[str]:
    return re.findall(
        r"^```python\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.mark.slow
def test_the_documented_tests_pass_in_a_project_of_their_own(tmp_path: Path) -> None:
    conftest, *tests = code_blocks()
    (tmp_path / "conftest.py").write_text(conftest, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", "utf-8")
    for number, test in enumerate(tests):
        (tmp_path / f"test_documented_{number}.py").write_text(test, "utf-8")

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(tests)} passed" in run.stdout


def test_nothing_but_the_plugin_needs_pytest() -> None:
    script = (
        "import sys; sys.modules['pytest'] = None\n"
        "from streaming_code_generator.testing import editor, headless, openai_server, schedules\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True, timeout=TIMEOUT_S)
