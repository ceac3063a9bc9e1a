"""What a run prints, cut into lines: log events, bounded in length and in total."""

from collections import deque
from typing import Any, Final

from sandbox.protocol import clean_text

MOST_LINE_BYTES: Final = 8 << 10
MOST_TAIL_CHARACTERS: Final = 16 << 10
# A line costs at least this much of the limit, so that empty ones are not free.
LEAST_LINE_COST: Final = 80
LEVEL_BY_STREAM: Final = {"stdout": "info", "stderr": "warning"}


class Budget:
    """How much output a run has left, over both its streams."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.dropped = 0
        self._left = limit

    @property
    def is_spent(self) -> bool:
        return self._left == 0

    def take(self, size: int) -> bool:
        """Take SIZE bytes from the budget; False when there is not enough left."""
        cost = max(size, LEAST_LINE_COST)
        if self._left < cost:
            self._left = 0
            self.dropped += size
            return False
        self._left -= cost
        return True


class OutputStream:
    """One of a run's two output streams."""

    def __init__(self, name: str, budget: Budget) -> None:
        self._name = name
        self._budget = budget
        self._partial = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the data of a log event for every line that DATA completes."""
        if self._budget.is_spent:  # a gigabyte of output must not cost a line's work each
            self._budget.take(len(self._partial) + len(data))
            self._partial = b""
            return []
        *lines, self._partial = (self._partial + data).split(b"\n")
        # A line without end must not grow without end: it is cut where it is too long.
        whole = len(self._partial) - len(self._partial) % MOST_LINE_BYTES
        if whole:
            lines.append(self._partial[:whole])
            self._partial = self._partial[whole:]
        return [event for line in lines for event in self._events(line)]

    def finish(self) -> list[dict[str, Any]]:
        """Return what was left without a line end."""
        partial, self._partial = self._partial, b""
        return list(self._events(partial)) if partial else []

    def _events(self, line: bytes) -> list[dict[str, Any]]:
        line = line.removesuffix(b"\r")
        events = []
        for start in range(0, len(line), MOST_LINE_BYTES):
            piece = line[start : start + MOST_LINE_BYTES]
            if self._budget.take(len(piece)):
                events.append(self._event(piece.decode("utf-8", "replace")))
        return events

    def _event(self, text: str) -> dict[str, Any]:
        level = LEVEL_BY_STREAM[self._name]
        return {"level": level, "message": clean_text(text), "stream": self._name}


class LogTail:
    """The last lines of a run's log, for its record."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._size = 0

    def add(self, line: str) -> None:
        line = line[-MOST_TAIL_CHARACTERS:]
        self._lines.append(line)
        self._size += len(line) + 1
        while self._size > MOST_TAIL_CHARACTERS + 1:
            self._size -= len(self._lines.popleft()) + 1

    def text(self) -> str:
        return "\n".join(self._lines)
