"""Finds a cluster that stands still: not dead, which is seen at once, but not working either."""

import logging
import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from django.conf import settings
from django.db import Error, connection

from plugins_app.services import queue, workers

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS: Final = 2.0
GAP_SECONDS: Final = 3 * LOOK_EVERY_SECONDS
STALLED_AFTER_SECONDS: Final = 10.0
STARTED_WITHIN_SECONDS: Final = 30.0
PROMPT_SECONDS: Final = 1.0


class Watchdog:
    """Looks at the workers of one queue. What it sees once may be chance: it must see it a while."""

    def __init__(self, *, queue: str, pool_size: int) -> None:
        self._queue = queue
        self._pool_size = pool_size
        self.begin()

    def begin(self) -> None:
        """Take no notice of what was before: the cluster is new."""
        self._next_look = self._idle_since = self._complete_at = time.monotonic()
        self._looked_at = self._trusts_from = time.time()

    def look(self, pids: Collection[int]) -> str | None:
        """Return why the whole cluster must be started anew; None while it works."""
        now = time.monotonic()
        if now < self._next_look:
            return None
        self._next_look = now + LOOK_EVERY_SECONDS
        self._notice_a_gap()
        try:
            if time.time() >= self._trusts_from:
                self._kill_silent(pids)
            return self._verdict(pids, now)
        except Error as error:
            words = " ".join(str(error).split())
            logger.warning("the watchdog sees nothing: %s", words, extra={"action": "queue_away"})
            connection.close()
            self._distrust()
            return None

    def _notice_a_gap(self) -> None:
        # The wall clock goes on while the machine sleeps; everybody else has slept as long.
        if time.time() - self._looked_at > GAP_SECONDS:
            self._distrust()
        self._looked_at = time.time()

    def _distrust(self) -> None:
        """Who could not see must not judge: let the workers give a sign of life first."""
        self._idle_since = self._complete_at = time.monotonic()
        silence = settings.HEARTBEAT_SECONDS * settings.MISSED_HEARTBEATS
        self._trusts_from = time.time() + silence

    def _kill_silent(self, pids: Collection[int]) -> None:
        """End workers that hang: the sentinel puts others in their place, the rest work on."""
        silent = workers.silent_pids(pids=pids)
        if silent and workers.seconds_to_write() > PROMPT_SECONDS:
            # Not they hang, but whoever keeps the database to himself: a backup, say.
            self._distrust()
            return
        for pid in silent:
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
