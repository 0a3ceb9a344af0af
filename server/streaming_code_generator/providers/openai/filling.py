"""The ways in which a server fills in the text at a cursor, and which of them works."""

from collections.abc import Callable
from dataclasses import dataclass

from streaming_code_generator.core.complete.fill import FillRequest, Markers, markers_of
from streaming_code_generator.settings.endpoints import is_openai

_REFUSES_THE_WAY = frozenset({400, 403, 404, 405, 415, 422, 501})
"""What a server answers that does not know a path, or whose model cannot do what it stands for;
llama.cpp says 501 where the model has no fill-in-the-middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayToFill:
    """One kind of request."""

    url: str
    body: Callable[[FillRequest], dict[str, object]]


class WaysToFill:
    """The requests an endpoint may take, the best first; one that it refuses is not sent again."""

    def __init__(self, base_url: str, model: str) -> None:
        self._ways: list[WayToFill] = []
        if is_openai(base_url):
            return
        # Only llama.cpp has it; it knows its model's markers better than the model's name does.
        root = base_url.removesuffix("/v1")
        self._ways.append(WayToFill(url=f"{root}/infill", body=_infill_body))
        if (markers := markers_of(model)) is not None:
            self._ways.append(
                WayToFill(
                    url=f"{base_url}/completions",
                    body=lambda request: _completion_body(request, model, markers),
                )
            )

    @property
    def first(self) -> WayToFill | None:
        """The best of those that are left."""
        return self._ways[0] if self._ways else None

    def is_refused(self, way: WayToFill, status_code: int | None) -> bool:
        """Whether an error means that a way is not offered; it is forgotten then."""
        refused = status_code in _REFUSES_THE_WAY
        if refused and way in self._ways:
            self._ways.remove(way)
        return refused


def _infill_body(request: FillRequest) -> dict[str, object]:
    """Source: llama.cpp, tools/server, `POST /infill`."""
    window = request.window
    return {
        "input_extra": [
            {"filename": sendable(each.name), "text": sendable(each.text)}
            for each in request.excerpts
        ],
        "input_prefix": sendable(window.prefix),
        "prompt": sendable(window.middle),
        "input_suffix": sendable(window.suffix),
        "n_predict": request.max_output_tokens,
        "temperature": 0.0,
        "cache_prompt": True,
        "stream": True,
        # Between these reports it notices that the client has left.
        "return_progress": True,
    }


def _completion_body(request: FillRequest, model: str, markers: Markers) -> dict[str, object]:
    # Never by the field `suffix`: llama.cpp ignores it without a word, and vLLM refuses it.
    return {
        "model": model,
        "prompt": sendable(markers.prompt(request)),
        "max_tokens": request.max_output_tokens,
        "temperature": 0.0,
        "stop": list(markers.all),
        "stream": True,
    }


def sendable(text: str) -> str:
    """Return a text without halves of surrogate pairs, which editors allow and UTF-8 does not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
