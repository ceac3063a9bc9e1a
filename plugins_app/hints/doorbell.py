"""What every doorbell does, whatever carries its rings."""

import threading
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Final, Self

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 2.0
SLICE_SECONDS: Final = 0.25
"""A wait on a socket is cut into slices, so that `stop` is noticed within one."""


class Doorbell(ABC):
    """Belongs to the thread that waits, and is let go of at the end of its `with` block."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def wait(self, timeout_seconds: float) -> bool:
        """Block until it rings, for at most TIMEOUT; True when it has rung since the last wait."""
        give_up = time.monotonic() + timeout_seconds
        while not self._stopped.is_set():
            left = max(0.0, give_up - time.monotonic())
            if self._wait_a_slice(min(left, SLICE_SECONDS)):
                return True
            if left <= 0:
                return False
        return False

    def stop(self) -> None:
        """End the wait of another thread, now and for good."""
        self._stopped.set()

    @abstractmethod
    def release(self) -> None:
        """Close what the doorbell holds."""

    @abstractmethod
    def _wait_a_slice(self, seconds: float) -> bool:
        """Wait at most SECONDS; True when it rang. A server that is away counts as silence."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Backoff:
    """Pauses between tries to reach a server that is away: each twice as long, up to two seconds."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE_SECONDS
        self._next_try = 0.0

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._next_try

    @property
    def is_fresh(self) -> bool:
        """Whether the last try succeeded: the next failure is news."""
        return self._pause == FIRST_PAUSE_SECONDS

    def fail(self) -> None:
        self._next_try = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def succeed(self) -> None:
        self._pause = FIRST_PAUSE_SECONDS
