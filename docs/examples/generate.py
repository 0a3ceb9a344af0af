"""Generates code, prints it as it arrives, and then what it took.

python docs/examples/generate.py "a function that adds two numbers"
"""

import asyncio
import sys

from streaming_code_generator import StreamingCodeGenerator, StreamingError


def show(text: str) -> None:
    """Print a piece of the response; a coroutine function would do as well."""
    print(text, end="", flush=True)


async def main(prompt: str) -> None:
    """Generate with the endpoint that is set, or with the embedded model if none is."""
    async with StreamingCodeGenerator() as generator:
        result = await generator.generate_code_with_explanation(prompt, show)
    print(f"\n\nThe code alone:\n{result.code}")
    print(f"{result.stats.total_tokens} tokens in {result.completion_time:.2f} s: {result.model}")


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1]))
    except StreamingError as error:
        sys.exit(str(error))  # it says what to do about it
