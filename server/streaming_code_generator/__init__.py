"""Stream generated code into an open document, from any model.

What stands in `__all__` is the library; it is imported when it is first touched, so that the
language server and the command line start without what they do not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from streaming_code_generator.errors import (
    APIError,
    ConfigurationError,
    StreamingError,
    StreamProcessError,
)

if TYPE_CHECKING:
    from streaming_code_generator.core.messages import (
        CompletionRequest,
        Delta,
        Message,
        PromptProgress,
        Provider,
        ProviderDescription,
        Usage,
    )
    from streaming_code_generator.core.results import (
        EmptyChunkArrived,
        GenerationEvent,
        GenerationFinished,
        GenerationResult,
        RetryScheduled,
        StreamStats,
        StreamStatus,
        TextArrived,
    )
    from streaming_code_generator.library import StreamingCodeGenerator

__all__ = [
    "APIError",
    "CompletionRequest",
    "ConfigurationError",
    "Delta",
    "EmptyChunkArrived",
    "GenerationEvent",
    "GenerationFinished",
    "GenerationResult",
    "Message",
    "PromptProgress",
    "Provider",
    "ProviderDescription",
    "RetryScheduled",
    "StreamProcessError",
    "StreamStats",
    "StreamStatus",
    "StreamingCodeGenerator",
    "StreamingError",
    "TextArrived",
    "Usage",
]

# Written down here, as reading the distribution's metadata would be a part of every start.
__version__ = "0.1.0"

_HOMES = {
    "CompletionRequest": "core.messages",
    "Delta": "core.messages",
    "EmptyChunkArrived": "core.results",
    "GenerationEvent": "core.results",
    "GenerationFinished": "core.results",
    "GenerationResult": "core.results",
    "Message": "core.messages",
    "PromptProgress": "core.messages",
    "Provider": "core.messages",
    "ProviderDescription": "core.messages",
    "RetryScheduled": "core.results",
    "StreamStats": "core.results",
    "StreamStatus": "core.results",
    "StreamingCodeGenerator": "library",
    "TextArrived": "core.results",
    "Usage": "core.messages",
}

if not TYPE_CHECKING:  # to type checkers a module with `__getattr__` has every name

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
