"""A finished generation in words and as JSON."""

from streaming_code_generator.core.result import GenerationResult
from streaming_code_generator.core.stats import StreamStats


def summary_line(result: GenerationResult) -> str:
    """Return the time taken and the tokens in one line, and what is wrong with the response."""
    stats = result.stats
    line = (
        f"Generated {stats.total_tokens} tokens ({stats.prompt_tokens} prompt + "
        f"{stats.completion_tokens} completion) in {result.completion_time:.2f} s, "
        f"{stats.tokens_per_second:.1f} tokens/s, {stats.chunks_processed} chunks, {result.model}"
    )
    return "; ".join([line, *result.warnings])


def result_object(result: GenerationResult) -> dict[str, object]:
    """Return the result under the names it has over LSP."""
    return {
        "status": result.stats.status.value,
        "text": result.text,
        "code": result.code,
        "explanation": result.explanation,
        "reasoning": result.reasoning,
        "model": result.model,
        "provider": result.provider,
        "finishReason": result.finish_reason,
        "completionTime": result.completion_time,
        "warnings": list(result.warnings),
        "stats": stats_object(result.stats),
    }


def stats_object(stats: StreamStats) -> dict[str, object]:
    """Return the figures under the names they have over LSP."""
    return {
        "chunks": stats.chunks_processed,
        "emptyChunks": stats.empty_chunks,
        "promptTokens": stats.prompt_tokens,
        "completionTokens": stats.completion_tokens,
        "totalTokens": stats.total_tokens,
        "tokenSource": stats.token_source,
        "elapsedSeconds": stats.elapsed,
        "timeToFirstChunkSeconds": stats.time_to_first_chunk,
        "tokensPerSecond": stats.tokens_per_second,
        "attempts": stats.attempts,
    }
