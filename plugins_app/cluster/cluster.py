"""One cluster: the sentinel's process group, started by fork, ended by its flag or by SIGKILL."""

import os
import signal
import time
from contextlib import suppress
from typing import Final

import psutil
from django.db import connections
from django_q.cluster import get_mp_context

from plugins_app import processes
from plugins_app.cluster import drain
from plugins_app.cluster.channel import Flag
from plugins_app.cluster.sentinel import guard

GONE_WITHIN_SECONDS: Final = 5.0


class Cluster:
    """The workers of QUEUE on this machine. Belongs to the single-threaded process that starts it."""

    def __init__(self, *, queue: str, pool_size: int) -> None:
        self.queue = queue
        self.pool_size = pool_size
        self._flags: tuple[Flag, ...] = ()

    def start(self) -> None:
        for flag in self._flags:
            flag.close()
        started, stopped = self._flags = Flag(), Flag()
        drain.reset()
        # A connection in use by two processes is broken for both.
        connections.close_all()
        arguments = (self.queue, self.pool_size, started, stopped)
        self._sentinel = get_mp_context().Process(target=guard, args=arguments, name="sentinel")
        self._sentinel.start()

    @property
    def is_alive(self) -> bool:
        return self._sentinel.is_alive()

    @property
    def ending(self) -> str:
        """How the sentinel ended, in words."""
        code = self._sentinel.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def pids(self) -> list[int]:
        return [process.pid for process in processes.tree(int(self._sentinel.pid or 0))]

    def drain(self, *, seconds: float) -> None:
        """Start nothing more, and leave SECONDS to what runs. Returns at once."""
        drain.begin(seconds=seconds)
        _, stopped = self._flags
        stopped.set()

    def kill(self) -> None:
        """SIGKILL the whole group, and wait until it is gone."""
        pid = int(self._sentinel.pid or 0)
        members = processes.tree(pid)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._sentinel.kill()
        processes.kill_all(members)
        self._sentinel.join(GONE_WITHIN_SECONDS)
        _wait_for_end(members)


def _wait_for_end(members: list[psutil.Process]) -> None:
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    while any(map(_lives, members)) and time.monotonic() < deadline:
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
