"""In a standby: what a fork carried over from the template is made this process's own."""

import ctypes
import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandbox.processes import MARKER

# Room in the environment's block for the label of a run that is not known yet.
LABEL_ROOM: Final = 64
ENV_START_FIELD: Final = 47  # of /proc/self/stat, counted after the command's name; see proc(5)
ENV_END_FIELD: Final = 48


def settle_into(scratch: str) -> None:
    """Make SCRATCH the home and the working folder of this process."""
    os.environ.update(HOME=scratch, TMPDIR=f"{scratch}/tmp")
    tempfile.tempdir = None
    os.chdir(scratch)


def reseed() -> None:
    """Give this process random numbers of its own. Python's `random` has done so at the fork."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy"].random.seed()


def reopen_files(own: set[int]) -> None:
    """Open every regular file anew: an offset moved by one run must not move for the next.

    OWN descriptors are left alone. One that cannot be opened any more is left as it is.
    """
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number > 2 and number not in own:
            with suppress(OSError):
                _reopen(number)


class LabelRoom:
    """Where this process's environment, as /proc shows it to others, holds the run's label.

    Found before there is a run; what is forked from this process has it at the same place.
    """

    def __init__(self) -> None:
        self._address = 0
        with suppress(OSError, IndexError, ValueError):
            fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
            start, end = int(fields[ENV_START_FIELD]), int(fields[ENV_END_FIELD])
            name = f"{MARKER}=".encode()
            offset = ctypes.string_at(start, end - start).index(name) + len(name)
            self._address = start + offset

    def write(self, label: str) -> None:
        os.environ[MARKER] = label
        if self._address:
            text = label.encode()[:LABEL_ROOM].ljust(LABEL_ROOM, b"\0")
            ctypes.memmove(self._address, text, LABEL_ROOM)


def _reopen(number: int) -> None:
    if not stat.S_ISREG(os.fstat(number).st_mode):
        return
    flags = _flags(number)
    offset = os.lseek(number, 0, os.SEEK_CUR)
    again = os.open(f"/proc/self/fd/{number}", flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC))
    os.lseek(again, offset, os.SEEK_SET)
    os.dup2(again, number, inheritable=os.get_inheritable(number))
    os.close(again)


def _flags(number: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{number}").read_text(encoding="ascii").splitlines():
        if line.startswith("flags:"):
            return int(line.split()[1], 8)
    raise OSError(f"descriptor {number} has no flags")
