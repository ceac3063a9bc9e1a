"""Eating memory."""

import mmap
import os
import time
from typing import Annotated

from msgspec import Meta

from sandbox.sdk import Run, tool

Megabytes = Annotated[int, Meta(title="Megabytes", ge=1, le=1_000_000)]


class Memory:
    @tool(title="Allocate at once")
    def allocate_at_once(self, megabytes: Megabytes = 100_000) -> dict[str, int]:
        """Ask for everything in one go."""
        return {"bytes": len(bytearray(megabytes << 20))}

    @tool(title="Allocate in steps", streams=True)
    def allocate_in_steps(
        self,
        run: Run,
        megabytes: Megabytes = 100_000,
        step_megabytes: Annotated[int, Meta(title="Step", ge=1, le=1_000)] = 16,
    ) -> dict[str, int]:
        """Take a little more, and a little more, past every MemoryError."""
        taken: list[mmap.mmap | bytearray] = []
        for step in range(megabytes // step_megabytes):
            taken.append(_taken(step_megabytes << 20))
            run.progress((step + 1) * step_megabytes, megabytes)
            time.sleep(0.01)
        return {"bytes": sum(map(len, taken))}

    @tool(title="Spread memory")
    def spread_memory(self, run: Run, megabytes: Megabytes = 100_000) -> None:
        """Take it in five grandchildren, each of them below the limit for a while."""
        for _number in range(5):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    _grow(megabytes // 5)
                os._exit(0)
        run.log("five grandchildren are growing")
        time.sleep(3600)


def _taken(size: int) -> mmap.mmap | bytearray:
    try:
        return bytearray(b"\1") * size
    except MemoryError:
        # A shared mapping counts as no data of this process, so RLIMIT_DATA does not see it.
        block = mmap.mmap(-1, size)
        block.write(b"\1" * size)
        return block


def _grow(megabytes: int) -> None:
    taken = []
    for _number in range(megabytes):
        taken.append(bytearray(b"\1") * (1 << 20))
        time.sleep(0.005)
    time.sleep(3600)
