"""Who this worker process is, and the thread that shows it lives and looks for the dead.

The thread has a database connection of its own, which comes back by itself after an outage.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import Error, connection

from plugins_app.services import sandboxing, workers
from plugins_app.services.insistence import insist

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 0.5


class Identity:
    """This process's row among the workers. Made after the fork, so no two processes share one."""

    def __init__(self, queues: Sequence[str]) -> None:
        self._queues = tuple(queues)
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._is_described = False
        # The wall clock: it goes on while the machine sleeps, and so do the others' deadlines.
        self._reachable_since = self._beaten_at = time.time()
        self._id = insist(self._register)

    def start(self) -> None:
        threading.Thread(target=self._live, name="heartbeat", daemon=True).start()

    def alive_id(self) -> UUID:
        """Return the id to claim work by; a new one when others have declared the old one gone."""
        with self._lock:
            if time.time() - self._beaten_at > self._silence / 2:
                self._beat()
            return self._id

    def leave(self) -> None:
        self._left.set()
        try:
            workers.say_goodbye(worker_id=self._id)
        except Error as error:
            logger.warning("no goodbye: %s", error, extra={"action": "database_away"})

    @property
    def _silence(self) -> float:
        return float(settings.HEARTBEAT_SECONDS * settings.MISSED_HEARTBEATS)

    def _live(self) -> None:
        pause = 0.0
        while not self._left.wait(pause):
            pause = settings.HEARTBEAT_SECONDS if self._live_once() else RETRY_SECONDS
        connection.close()

    def _live_once(self) -> bool:
        """Beat, and look for the dead; False when the database could not be reached."""
        try:
            with self._lock:
                self._beat()
            # Who was away himself cannot tell who else was silent: let them come back first.
            workers.reap(trust_silence=time.time() - self._reachable_since > self._silence)
            sandboxing.tidy_nursery()
            self._is_described = self._is_described or workers.describe(worker_id=self._id)
        except Error as error:
            logger.warning("no heartbeat: %s", error, extra={"action": "database_away"})
            connection.close()
            return False
        except Exception:
            # The thread must go on: without its heartbeat a healthy worker is declared gone.
            logger.exception("the reaper failed", extra={"action": "reaper_failed"})
        return True

    def _beat(self) -> None:
        if not workers.beat(worker_id=self._id):
            logger.warning("declared gone: starting again under a new id")
            self._id = self._register()
            self._is_described = False
        now = time.time()
        if now - self._beaten_at > 2 * settings.HEARTBEAT_SECONDS:
            self._reachable_since = now
        self._beaten_at = now

    def _register(self) -> UUID:
        return UUID(str(workers.register_worker(queues=self._queues).pk))


_mine: list[Identity] = []


def assume(identity: Identity) -> None:
    """Make IDENTITY this process's own."""
    _mine[:] = [identity]


def current_worker_id() -> UUID:
    """Return the id of this worker process; LookupError in a process that is none."""
    if not _mine:
        raise LookupError("This process is no worker: runs are executed under `run_workers`.")
    return _mine[0].alive_id()
