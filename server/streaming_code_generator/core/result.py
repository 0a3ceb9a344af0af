"""What a generation ends with."""

from dataclasses import dataclass, field, fields
from typing import Any

from streaming_code_generator.core.stats import StreamStats


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """The whole response and its figures; `result["text"]` works as `result.text` does."""

    text: str
    """The response as it came: prose, fences and all."""
    code: str
    explanation: str
    reasoning: str = ""
    """What the model thought aloud, from its own field or a leading `<think>` block."""
    stats: StreamStats
    completion_time: float
    """Seconds from start to end."""
    model: str
    provider: str = ""
    """Which provider answered, and why it was taken."""
    finish_reason: str | None
    """As the provider says it: `stop`, `length`, `content_filter`, ..."""
    warnings: tuple[str, ...] = field(default=())
    """What a person should know of the result, such as "cut off at the token limit"."""

    @property
    def is_complete(self) -> bool:
        """Whether the model came to its own end (`length` and `content_filter` did not)."""
        return self.finish_reason == "stop"

    def __getitem__(self, name: str) -> Any:
        """Return a field by name, for callers that read the result as a mapping.

        Raises:
            KeyError: No field is called `name`.
        """
        if name not in {f.name for f in fields(self)}:
            raise KeyError(name)
        return getattr(self, name)
