"""A program that uses an embedded model and never ends: run it to kill it."""

import asyncio
import sys

from support.embedded import ask, collect, embedded, running_child


async def main() -> None:
    async with embedded() as provider:
        await collect(provider, ask(tokens=1))
        sys.stdout.write(f"{running_child(provider).pid}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
