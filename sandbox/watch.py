"""The keeper's eyes: what a run's whole tree takes, looked at twenty times a second."""

import math
import os
import time
from collections.abc import Callable
from typing import Final

from sandbox import processes
from sandbox.guards.cgroups import Cgroup
from sandbox.guards.rlimits import THREADS_PER_PROCESS
from sandbox.orders import Breach, Confines, Setup

SCRATCH_EVERY_SECONDS: Final = 0.5
SHARES_EVERY_SECONDS: Final = 0.2
MOST_SCRATCH_ENTRIES: Final = 100_000


class Watch:
    """Compares what FIND_TREE finds, given the most it need find, with the limits of SETUP."""

    def __init__(
        self, setup: Setup, group: Cgroup, *, find_tree: Callable[[int], list[int]]
    ) -> None:
        self.deadline = setup.deadline
        self._setup = setup
        self._group = group
        self._find_tree = find_tree
        self._peak = 0
        self._next_scratch = 0.0
        self._next_shares = 0.0

    def confine(self, confines: Confines) -> None:
        """Watch over other limits from now on."""
        before, self._setup = self._setup, confines.put_on(self._setup)
        if (before.memory_bytes, before.processes) != (confines.memory_bytes, confines.processes):
            tasks = confines.processes * THREADS_PER_PROCESS
            self._group.limit(memory_bytes=confines.memory_bytes, tasks=tasks)

    def rest(self) -> None:
        """Forget the run that is over; the next begins with `confine`."""
        self.deadline = math.inf
        self._peak = 0

    def tree(self) -> list[int]:
        """Return the run's processes, a few more than its limit at most: a fork storm must not slow
        the look at it."""
        return self._find_tree(self._setup.processes + 2)

    def breach(self) -> Breach | None:
        """Return the first limit that is broken now."""
        if time.monotonic() >= self.deadline:
            return Breach.DEADLINE
        pids = self.tree()
        if len(pids) > self._setup.processes:
            return Breach.PROCESSES
        watches_memory = "memory" not in self._setup.without
        if watches_memory and (self._memory_exceeded(pids) or self._group.oom_kills()):
            return Breach.MEMORY
        return Breach.SCRATCH if self._scratch_exceeded() else None

    def weigh(self) -> None:
        """Take note of what the tree holds now."""
        self._memory_exceeded(self.tree())

    def peak_memory_bytes(self) -> int:
        """Return the most the tree was seen to hold at once."""
        return self._peak

    def _memory_exceeded(self, pids: list[int]) -> bool:
        limit = self._setup.memory_bytes
        used = sum(map(processes.rss_bytes, pids))
        # The sum of RSS counts shared pages once per process. PSS does not, but is dear to read,
        # and is never more: so it is asked only when RSS is over the limit.
        if used > limit and time.monotonic() >= self._next_shares:
            used = sum(map(processes.pss_bytes, pids))
            self._next_shares = time.monotonic() + SHARES_EVERY_SECONDS
            self._peak = max(self._peak, used)
            return used > limit
        self._peak = max(self._peak, min(used, limit))
        return False

    def _scratch_exceeded(self) -> bool:
        now = time.monotonic()
        if now < self._next_scratch:
            return False
        entries, size = _usage(self._setup.scratch)
        # A large folder takes long to walk: never spend more than a tenth of the time on it.
        self._next_scratch = time.monotonic() + max(SCRATCH_EVERY_SECONDS, 9 * _since(now))
        return size > self._setup.scratch_bytes or entries > MOST_SCRATCH_ENTRIES


def _since(then: float) -> float:
    return time.monotonic() - then


def _usage(folder: str) -> tuple[int, int]:
    """Return the number of entries and the bytes on disk below FOLDER; links are not followed."""
    entries = size = 0
    for _parent, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        entries += len(folders) + len(files)
        if entries > MOST_SCRATCH_ENTRIES:
            break
        for name in files:
            try:
                size += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_blocks * 512
            except OSError:
                continue  # removed while we looked
    return entries, size
