"""What `up` prints: every child's lines under its name, coloured where a person reads them."""

import os
import sys
from typing import Final, TextIO

COLOURS: Final = {"up": 36, "web": 34, "workers": 32, "gpu": 35, "sample": 33}
WIDTH: Final = max(map(len, COLOURS))


class Output:
    """Belongs to one stream; every line is flushed, so that a pipe's reader sees it at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_coloured = stream.isatty() and "NO_COLOR" not in os.environ

    def say(self, line: str, *, by: str = "up") -> None:
        name = by.ljust(WIDTH)
        if self._is_coloured:
            name = f"\x1b[{COLOURS.get(by, 37)}m{name}\x1b[0m"
        self._write(f"{name} | {line}\n")

    def banner(self, text: str) -> None:
        self._write(text)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            # Whoever read this is gone; the platform is not.
            self._stream = open(os.devnull, "w")  # noqa: SIM115 - to the end of the process


def standard() -> Output:
    return Output(sys.stdout)
