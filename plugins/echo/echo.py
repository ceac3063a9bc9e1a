"""Gives back what it is told. The smallest plugin that shows everything a tool can do."""

import time
from typing import Annotated, TypedDict

from msgspec import Meta

from sandbox.sdk import InvalidInput, Plugin, Run, tool


class Said(TypedDict):
    text: str
    letters: int
    words: int


class Emitted(TypedDict):
    count: int
    seconds: float


class Echo(Plugin):
    def validate(self) -> None:
        """Raise when the plugin cannot do its work. This one needs nothing but a clock that runs."""
        if time.monotonic() > time.monotonic():
            raise RuntimeError("the clock runs backwards, so intervals cannot be kept")

    @tool(title="Say")
    def say(
        self,
        text: Annotated[
            str, Meta(title="Text", description="What to give back.", max_length=10_000)
        ],
    ) -> Said:
        """Give a text back, with its letters and words counted."""
        if not text.strip():
            # The caller's fault: the run is rejected and the plugin stays in service.
            raise InvalidInput("there is nothing to say: give a text with at least one letter")
        return {"text": text, "letters": len(text), "words": len(text.split())}

    @tool(title="Emit", streams=True)
    def emit(
        self,
        run: Run,
        count: Annotated[int, Meta(title="Events", ge=0, le=100_000)] = 10,
        interval_seconds: Annotated[
            float,
            Meta(title="Interval", description="Seconds from one event to the next.", ge=0, le=60),
        ] = 0.0,
        text: Annotated[str, Meta(title="Text", max_length=1_000)] = "hello",
    ) -> Emitted:
        """Emit events, as fast as they go or at an interval: something to watch the live feed with."""
        began = time.monotonic()
        for number in range(1, count + 1):
            run.emit("echo", {"number": number, "text": text})
            run.progress(number, count)
            if number < count:
                # Against the beginning, not the last event: so delays do not add up.
                _wait_until(began + number * interval_seconds)
        run.log(f"emitted {count} events")
        return {"count": count, "seconds": round(time.monotonic() - began, 3)}


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
