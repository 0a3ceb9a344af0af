"""What one generation is to do: a `generate` request resolved against its document."""

from dataclasses import dataclass, field

from streaming_code_generator.core.extract.parts import CodeTarget
from streaming_code_generator.core.messages import CompletionRequest
from streaming_code_generator.editing.mirror import Point
from streaming_code_generator.lsp.wire.names import Token
from streaming_code_generator.settings.declarations import (
    EditPace,
    ExplanationPlace,
    ModelSelection,
    OnInterrupt,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownContext:
    """Which lines of which file the model was shown, without their text."""

    uri: str
    first: int
    end: int
    """The first line behind."""
    tokens: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A `generate` request, free of everything that may change while its generation runs."""

    uri: str
    language_id: str
    start: Point
    end: Point
    """The range to replace; empty for an insertion."""
    takes_over: str | None = None
    """The id of a region whose text was taken out, if it goes on there: then that is the range."""
    prefix: str = ""
    suffix: str = ""
    """What is put around the code, such as the line ending behind a comment."""
    code_target: CodeTarget
    request: CompletionRequest
    selection: ModelSelection = field(default_factory=ModelSelection)
    context: tuple[ShownContext, ...] = ()
    edits: EditPace = "live"
    insert_explanation: ExplanationPlace = False
    on_interrupt: OnInterrupt = "keep"
    is_awaited: bool = True
    """Whether the response to the request waits for the generation's end."""
    work_done_token: Token | None = None
    partial_result_token: Token | None = None
