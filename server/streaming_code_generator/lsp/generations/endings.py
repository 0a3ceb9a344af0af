"""How a generation ends: completed, cancelled or failed."""

from dataclasses import dataclass

from streaming_code_generator.core.result import GenerationResult
from streaming_code_generator.core.stats import StreamStatus
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.lsp.wire import GenerationState


@dataclass(frozen=True, slots=True)
class Completed:
    """The generation came to its end and its code is where it belongs."""

    result: GenerationResult


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody cancelled, or the place for the text went away."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The model, the connection or the editor failed."""

    error: StreamingError


End = Completed | Cancelled | Failed

STATUS: dict[type[End], StreamStatus] = {
    Cancelled: StreamStatus.CANCELLED,
    Failed: StreamStatus.ERROR,
}
STATES: dict[type[End], GenerationState] = {
    Completed: "completed",
    Cancelled: "cancelled",
    Failed: "error",
}
