"""One tree under a keeper's eyes: the orders that come for it, and why it must end."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any, Final

from sandbox import processes
from sandbox.control import Control
from sandbox.orders import Breach, Confines
from sandbox.watch import Watch

TICK_SECONDS: Final = 0.05
IDLE_TICK_SECONDS: Final = 0.5


class Charge:
    """Obeys the orders of one control socket. IDLE: a standby, which is looked at less often.

    `breach` says why the tree must be killed, as soon as there is a reason.
    """

    def __init__(self, control: Control, watch: Watch, *, idle: bool = False) -> None:
        self.control = control
        self.watch = watch
        self.breach: Breach | None = None
        self.on_standby: Callable[[int], None] = _refuse
        self.on_settle: Callable[[], None] = _refuse
        self._idle = idle
        self._parent = os.getppid()
        self._kill_at: float | None = None
        self._next_look = 0.0

    def obey(self) -> None:
        messages = self.control.receive()
        if messages is None:
            self.breach = Breach.ORPHANED
            return
        for message in messages:
            self._obey(message)

    def look(self) -> Breach | None:
        """Return the breach there is, after a look at the tree where that is due."""
        now = time.monotonic()
        if self.breach is None and now >= self._next_look:
            self._next_look = now + self.seconds_between_looks
            self.breach = self._overdue(now) or self.watch.breach()
        return self.breach

    @property
    def seconds_between_looks(self) -> float:
        return IDLE_TICK_SECONDS if self._idle else TICK_SECONDS

    def _obey(self, message: dict[str, Any]) -> None:
        if "begin" in message:
            self._begin(Confines(**message["begin"]))
        if "deadline" in message:
            self.watch.deadline = message["deadline"]
        if "stop" in message:
            self._stop(grace_seconds=message["stop"])
        if "settle" in message:
            self.on_settle()
        if "standby" in message:
            self.on_standby(message["standby"])

    def _begin(self, confines: Confines) -> None:
        self.watch.confine(confines)
        self._idle = False
        self._next_look = time.monotonic() + TICK_SECONDS

    def rest(self) -> None:
        """Wait for the next run of the same child."""
        self._idle = True
        self.watch.rest()

    def _stop(self, *, grace_seconds: float) -> None:
        self._kill_at = time.monotonic() + grace_seconds
        self._next_look = 0.0
        for pid in self.watch.tree():
            processes.kill(pid, signal.SIGTERM)

    def _overdue(self, now: float) -> Breach | None:
        if self._kill_at is not None and now >= self._kill_at:
            return Breach.STOPPED
        # Someone may hold a copy of the control socket, so its closing is not the only sign.
        return Breach.ORPHANED if os.getppid() != self._parent else None


def _refuse(*about: int) -> None:
    raise ValueError(f"an order for another kind of keeper {about}")
