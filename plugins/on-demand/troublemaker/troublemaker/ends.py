"""Ends without a word."""

import ctypes
import os
from typing import Annotated

from msgspec import Meta

from sandbox.sdk import Run, tool


class Ends:
    @tool(title="Exit now")
    def exit_now(self, code: Annotated[int, Meta(title="Exit code", ge=0, le=255)] = 7) -> None:
        """End the process, no clean-up, no answer."""
        os._exit(code)

    @tool(title="Segfault")
    def segfault(self, run: Run) -> None:
        """Read from address 0."""
        run.log("about to read from address 0")
        ctypes.string_at(0)
