"""The error that a generation ends with: its last failure, with the whole story."""

from streaming_code_generator.core.engine.retry import may_be_repeated
from streaming_code_generator.core.engine.run import GenerationRun
from streaming_code_generator.errors import APIError, StreamingError, StreamProcessError


def final_error(error: StreamingError, run: GenerationRun) -> StreamingError:
    """Return what the caller meets instead of a provider's or deadline's `error`."""
    if run.has_shown_text:
        return _broken_off(error, run)
    message = _with_attempts(error, run.attempts)
    if isinstance(error, APIError):
        return APIError(
            message,
            kind=error.kind,
            status_code=error.status_code,
            retry_after_s=error.retry_after_s,
            attempts=run.attempts,
        )
    if isinstance(error, StreamProcessError):
        return StreamProcessError(message, kind=error.kind, attempts=run.attempts)
    return error


def _broken_off(error: StreamingError, run: GenerationRun) -> StreamProcessError:
    text = run.text
    return StreamProcessError(
        f"{error.message} The {len(text)} characters that had arrived are kept.",
        kind=error.kind,
        attempts=run.attempts,
        partial_text=text,
    )


def _with_attempts(error: StreamingError, attempts: int) -> str:
    if attempts == 1 and not may_be_repeated(error):
        return error.message
    counted = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return f"Gave up after {counted}: {error.message}{_wish_to_wait(error)}"


def _wish_to_wait(error: StreamingError) -> str:
    if isinstance(error, APIError) and error.retry_after_s:
        return f" It asks to wait {error.retry_after_s:g} s."
    return ""
