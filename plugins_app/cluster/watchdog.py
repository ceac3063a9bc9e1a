"""Finds a cluster that stands still: not dead, which is seen at once, but not working either."""

import logging
import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from django.db import Error, connection

from plugins_app.services import queue, workers

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS: Final = 2.0
STALLED_AFTER_SECONDS: Final = 10.0
STARTED_WITHIN_SECONDS: Final = 30.0


class Watchdog:
    """Looks at the workers of one queue. What it sees once may be chance: it must see it a while."""

    def __init__(self, *, queue: str, pool_size: int) -> None:
        self._queue = queue
        self._pool_size = pool_size
        self.begin()

    def begin(self) -> None:
        """Take no notice of what was before: the cluster is new."""
        self._next_look = self._idle_since = self._complete_at = time.monotonic()

    def look(self, pids: Collection[int]) -> str | None:
        """Return why the whole cluster must be started anew; None while it works."""
        now = time.monotonic()
        if now < self._next_look:
            return None
        self._next_look = now + LOOK_EVERY_SECONDS
        try:
            self._kill_silent(pids)
            return self._verdict(pids, now)
        except Error as error:
            # Who cannot see must not judge, nor remember what it saw before.
            logger.warning("the watchdog sees nothing: %s", error, extra={"action": "queue_away"})
            connection.close()
            self._idle_since = self._complete_at = now
            return None

    def _kill_silent(self, pids: Collection[int]) -> None:
        """End workers that hang: the sentinel puts others in their place, the rest work on."""
        for pid in workers.silent_pids(pids=pids):
            logger.error("worker %d hangs: killing it", pid, extra={"action": "worker_killed"})
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _verdict(self, pids: Collection[int], now: float) -> str | None:
        standing = workers.standing(pids=pids)
        if standing.alive >= self._pool_size:
            self._complete_at = now
        if not standing.idle or queue.waiting_seconds(self._queue) < LOOK_EVERY_SECONDS:
            self._idle_since = now
        if now - self._idle_since > STALLED_AFTER_SECONDS:
            return f"tasks wait while {standing.idle} of its workers are idle"
        if now - self._complete_at > STARTED_WITHIN_SECONDS:
            return f"only {standing.alive} of {self._pool_size} workers give sign of life"
        return None
