"""How patient a generation is, and in what portions it hands on its text."""

from dataclasses import dataclass, fields

from streaming_code_generator.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationPolicy:
    """Deadlines, retries and chunk size of a generation; one policy may serve many.

    The deadline for connecting is the provider's own, since only it knows when it has connected.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    timeout_s: float = 60.0
    """Longest time for the whole generation, retries and their waits included."""
    first_chunk_timeout_s: float = 30.0
    """Longest silence before the first text; a chunk that reports prompt progress breaks it."""
    stall_timeout_s: float = 20.0
    """Longest silence between chunks after that; keep-alive comments do not break it."""
    finish_timeout_s: float = 2.0
    """Longest silence after the finish reason, before usage or the end: then it is the end."""
    max_retries: int = 3
    """Retries after the first attempt, made only while no text has been handed on."""
    chunk_size: int = 1524
    """Most characters in one event; a longer delta is split."""
    backoff_s: float = 0.5
    """Wait before the first retry; it doubles with each further one, give or take a quarter."""
    backoff_max_s: float = 8.0
    """Longest wait that is chosen here."""
    retry_after_max_s: float = 30.0
    """Longest wait that a server may ask for; one that asks for more is not asked again."""

    def __post_init__(self) -> None:
        """Refuse values that could not be waited for or counted."""
        for each in fields(self):
            least = 0 if each.name in {"max_retries", "backoff_s", "backoff_max_s"} else 1e-3
            value = getattr(self, each.name)
            if not value >= least:
                raise ConfigurationError(
                    f"`{each.name}` is {value}: set it to {'0 or more' if not least else 'more'}"
                    f"{'' if not least else ' than 0'}."
                )
