"""Answers, good and bad."""

import time
from typing import Annotated, Any, cast

from msgspec import Meta

from sandbox.sdk import InvalidInput, Run, tool

Seconds = Annotated[float, Meta(title="Seconds", ge=0, le=3600)]


class Answers:
    @tool(title="Sleep", streams=True)
    def sleep(self, run: Run, seconds: Seconds = 1.0) -> dict[str, float]:
        """Behave: sleep, tell the progress, and answer."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            run.progress(seconds - left, seconds)
            time.sleep(min(0.1, left))
        return {"slept": seconds}

    @tool(title="Reject")
    def reject(self, message: Annotated[str, Meta(title="Message")] = "not like this") -> None:
        """Say that the caller is at fault."""
        raise InvalidInput(message)

    @tool(title="Raise an error")
    def raise_error(self, message: Annotated[str, Meta(title="Message")] = "on purpose") -> None:
        """Raise what nobody catches, with a cause behind it."""
        try:
            {}["missing"]
        except KeyError as error:
            raise RuntimeError(message) from error

    @tool(title="Return a misfit")
    def return_misfit(self) -> dict[str, int]:
        """Return what the annotation does not allow."""
        return cast("Any", {"count": "many"})
