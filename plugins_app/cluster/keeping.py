"""Keeps one cluster going until a signal ends it: the parent, which does nothing that can hang."""

import logging
import os
import signal
import time
from typing import Final

from django.conf import settings

from plugins_app import processes
from plugins_app.cluster.cluster import Cluster
from plugins_app.cluster.sentinel import ENDING_SIGNALS
from plugins_app.cluster.watchdog import Watchdog

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 2.5
"""What a stop takes beside the runs: the sentinel's look, the pusher's wait, the goodbyes."""


def keep(*, queue: str, pool_size: int) -> None:
    """Run a cluster for QUEUE until SIGTERM or SIGINT, then drain it. A second signal kills it."""
    os.register_at_fork(after_in_child=processes.die_with_parent)
    # Blocked and waited for, so that none comes between a look and its answer.
    signal.pthread_sigmask(signal.SIG_BLOCK, {*ENDING_SIGNALS, signal.SIGCHLD})
    cluster = Cluster(queue=queue, pool_size=pool_size)
    _Keeper(cluster).keep()


class _Keeper:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._watchdog = Watchdog(queue=cluster.queue, pool_size=cluster.pool_size)
        self._pause = 0.0

    def keep(self) -> None:
        self._start()
        while not _asked_to_end(LOOK_EVERY_SECONDS):
            problem = self._problem()
            if problem is not None and self._ended_in_restart(problem):
                return
        self._stop()

    def _start(self) -> None:
        self._cluster.start()
        self._started_at = time.monotonic()
        self._watchdog.begin()
        logger.info("%d workers for the queue %s", self._cluster.pool_size, self._cluster.queue)

    def _problem(self) -> str | None:
        if not self._cluster.is_alive:
            return f"its sentinel ended ({self._cluster.ending})"
        return self._watchdog.look(self._cluster.pids())

    def _ended_in_restart(self, problem: str) -> bool:
        """Start the cluster anew; True when the end came while it paused before that."""
        self._cluster.kill()
        steady = time.monotonic() - self._started_at > STEADY_SECONDS
        self._pause = 0.0 if steady else min(2 * self._pause + 0.5, LONGEST_PAUSE_SECONDS)
        logger.critical(
            "the cluster is started anew in %.1f s: %s",
            self._pause,
            problem,
            extra={"action": "cluster_restarted"},
        )
        if _asked_to_end(self._pause):
            return True
        self._start()
        return False

    def _stop(self) -> None:
        seconds = settings.DRAIN_SECONDS
        logger.info("draining: runs in progress get %d s to finish", seconds)
        deadline = time.monotonic() + seconds + STOP_SECONDS
        if self._cluster.is_alive:
            self._cluster.drain(seconds=seconds)
        while self._cluster.is_alive and time.monotonic() < deadline:
            if _asked_to_end(0.05):
                break
        self._cluster.kill()
        logger.info("stopped")


def _asked_to_end(seconds: float) -> bool:
    """Wait, at most SECONDS; True when a signal asks for the end. A child's death ends the wait too."""
    came = signal.sigtimedwait({*ENDING_SIGNALS, signal.SIGCHLD}, seconds)
    return came is not None and came.si_signo in ENDING_SIGNALS
