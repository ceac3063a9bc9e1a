"""This machine's processes: which are still the ones we mean, and which die with their parent."""

import ctypes
import functools
import os
import signal
import socket
from typing import Final

import psutil

HOST: Final = socket.gethostname()
PR_SET_PDEATHSIG: Final = 1
# The kernel counts in ticks since boot, and the boot's time moves when the clock is set.
SAME_START_SECONDS: Final = 2.0

_libc: Final = ctypes.CDLL(None, use_errno=True)


@functools.cache
def namespace() -> str:
    """Return what names the space in which a pid means something: containers may share a host name."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def started(pid: int) -> float:
    """Return when PID was started, unix time; together they name a process for good."""
    return float(psutil.Process(pid).create_time())


def is_running(pid: int, started_at: float) -> bool:
    """True when PID is still the process that was started then, and not a zombie."""
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - started_at) < SAME_START_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it is gone. For fresh children."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def tree(pid: int) -> list[psutil.Process]:
    """Return PID's descendants, none when it is gone."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def kill_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
