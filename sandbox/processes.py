"""Finding, measuring and killing processes through /proc.

Read directly: psutil's recursive search reads every process of the machine at each look, this
reads the tree's own, twenty times a second, for the price of a few small files.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARKER: Final = "SANDBOX_RUN"
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAUSE_SECONDS: Final = 0.005


def children(pid: int) -> list[int]:
    """Return the children of every thread of PID; none when it is gone."""
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def descendants(pid: int, *, most: int | None = None) -> list[int]:
    """Return the processes below PID, parents before children; no further once there are MOST."""
    found = children(pid)
    for child in found:  # grows while it is walked
        if most is not None and len(found) >= most:
            break
        found += children(child)
    return found


def rss_bytes(pid: int) -> int:
    """Return resident memory, shared pages counted whole; 0 when PID is gone."""
    with suppress(OSError, IndexError, ValueError):
        return int(_read(f"/proc/{pid}/statm").split()[1]) * PAGE_BYTES
    return 0


def pss_bytes(pid: int) -> int:
    """Return resident memory, shared pages counted by share; RSS where that cannot be read."""
    with suppress(OSError, ValueError):
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return rss_bytes(pid)


@dataclass(frozen=True, kw_only=True)
class LastWords:
    """What the kernel knows of a dead process that nobody has reaped yet."""

    exit_code: int | None = None
    signal: int | None = None
    cpu_seconds: float = 0.0


def last_words(pid: int) -> LastWords:
    """Return how the zombie PID ended, its reaped children's time in its own. See proc(5), stat."""
    with suppress(OSError, IndexError, ValueError):
        fields = _stat(pid)
        if fields[0] == b"Z":
            status = int(fields[49])
            died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            return LastWords(
                exit_code=None if died_of else os.WEXITSTATUS(status),
                signal=died_of,
                cpu_seconds=_cpu_seconds(pid, fields),
            )
    return LastWords()


def is_alive(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return _stat(pid)[0] not in b"ZX"
    return False


def cpu_seconds(pid: int) -> float:
    """Return the time PID and its reaped children have used; 0.0 when it is gone."""
    with suppress(OSError, IndexError, ValueError):
        return _cpu_seconds(pid, _stat(pid))
    return 0.0


def marked(label: str) -> list[int]:
    """Return every process whose environment carries the marker of the run LABEL."""
    marker = f"{MARKER}={label}".encode()
    return [pid for pid in _all_pids() if marker in _environment(pid)]


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill_all(
    find: Callable[[], list[int]],
    *,
    patience_seconds: float,
    between: Callable[[], object] = lambda: None,
) -> bool:
    """SIGKILL all that FIND finds, again until it finds none: what is killed may just have forked.

    BETWEEN is called after each round. Returns False when PATIENCE ran out first.
    """
    give_up = time.monotonic() + patience_seconds
    while victims := find():
        for victim in victims:
            kill(victim)
        between()
        if time.monotonic() > give_up:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def reap_children() -> None:
    """Collect every child of the caller that is dead. Never in a process with other business."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _cpu_seconds(pid: int, stat: list[bytes]) -> float:
    """The kernel counts all of a process in ticks, and its first thread to the nanosecond: what is
    over within a tick shows only there."""
    in_ticks = sum(map(int, stat[11:15])) / TICKS_PER_SECOND
    with suppress(OSError, IndexError, ValueError):
        return max(in_ticks, int(_read(f"/proc/{pid}/schedstat").split()[0]) / 1e9)
    return in_ticks


def _all_pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _environment(pid: int) -> list[bytes]:
    with suppress(OSError):
        return _read(f"/proc/{pid}/environ").split(b"\0")
    return []


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third on, the state; see proc(5)."""
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def _read(path: str) -> bytes:
    return Path(path).read_bytes()
