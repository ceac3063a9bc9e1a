"""Events on their way to whoever stores them: in order, in batches, never dropped."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sandbox.reports import Event

MOST_EVENTS: Final = 200
MOST_SECONDS: Final = 0.05


class EventBatcher:
    """Hands on at most 200 events at once, or what came within 50 ms.

    The receiver is called in the caller's thread. While it works nothing is read from the run,
    whose pipe fills and makes it wait: so a slow store slows its run and nothing piles up.
    """

    def __init__(self, receive: Callable[[Sequence[Event]], None]) -> None:
        self._receive = receive
        self._waiting: list[Event] = []
        self._since = 0.0

    def add(self, kind: str, data: dict[str, Any]) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(Event(kind=kind, data=data, at=time.time()))
        if len(self._waiting) >= MOST_EVENTS:
            self.flush()

    def flush_if_due(self) -> None:
        if self._waiting and time.monotonic() - self._since >= MOST_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._receive(waiting)

    def seconds_left(self) -> float | None:
        """Return the time until the next batch is due; None when nothing waits."""
        if not self._waiting:
            return None
        return max(0.0, self._since + MOST_SECONDS - time.monotonic())
