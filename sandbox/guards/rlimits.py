"""The kernel's own limits per process: the coarse net under the watch over the whole tree."""

import os
import resource
from typing import Final

from sandbox.guards import SWITCHED_OFF, Guard, absent, degraded, enforced
from sandbox.guards.namespaces import Namespaces
from sandbox.orders import Setup

# RLIMIT_DATA counts address space, and a thread's stack is 8 MiB of it whether used or not.
SLACK_BYTES: Final = 64 << 20
STACK_BYTES: Final = 8 << 20
MOST_CORES_COUNTED: Final = 32
# Kept back from the plugin, so that its MemoryError can still be told.
RESERVE_BYTES: Final = 64 << 20
# RLIMIT_NPROC counts threads; numeric libraries start one per core and more.
THREADS_PER_PROCESS: Final = 4


def limit_process(setup: Setup, spaces: Namespaces, *, for_good: bool = True) -> Guard:
    """Set this process's limits; children inherit them and cannot raise them.

    FOR_GOOD: nor can this process. A standby's limits are so only when its call has come.
    """
    if "limits" in setup.without:
        return absent("limits", "nothing", SWITCHED_OFF)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, setup.open_files, for_good=for_good)
    _limit(resource.RLIMIT_FSIZE, setup.scratch_bytes, for_good=for_good)
    if spaces.user:
        # Counted per user namespace here; without one it would count the worker's own processes.
        _limit(resource.RLIMIT_NPROC, setup.processes * THREADS_PER_PROCESS, for_good=for_good)
    if setup.gpu:
        how = "RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CORE"
        return degraded("limits", how, "CUDA reserves address space, so RLIMIT_DATA is off")
    data = setup.memory_bytes + SLACK_BYTES + STACK_BYTES * _cores()
    _limit(resource.RLIMIT_DATA, data, hard=data + RESERVE_BYTES, for_good=for_good)
    return enforced("limits", "RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CORE")


def open_memory_reserve() -> None:
    """Lift RLIMIT_DATA by what was kept back, to report a MemoryError."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _limit(which: int, soft: int, *, hard: int | None = None, for_good: bool = True) -> None:
    _old_soft, old_hard = resource.getrlimit(which)
    hard = old_hard if not for_good else soft if hard is None else hard
    if old_hard != resource.RLIM_INFINITY:
        hard = old_hard if hard == resource.RLIM_INFINITY else min(hard, old_hard)
        soft = min(soft, old_hard)
    resource.setrlimit(which, (soft, hard))


def _cores() -> int:
    return min(os.cpu_count() or 1, MOST_CORES_COUNTED)
