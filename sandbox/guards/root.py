"""A root folder of the run's own: what it may not touch is not there at all.

Landlock, on top of it, says which of what is there may be written. But Landlock (as of ABI 7) has
no rule for connecting to a socket file, and an empty network namespace does not part those either:
a database or a container engine that listens on one can only be hidden. See pivot_root(2).
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandbox.guards.kernel import (
    MNT_DETACH,
    MS_BIND,
    MS_NODEV,
    MS_NOSUID,
    MS_REC,
    mount,
    pivot_root,
    umount,
)

OLD: Final = "/.old"
LINKS: Final = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}


def enter_own_root(paths: Iterable[str], *, over: str) -> None:
    """Move this process, in a mount namespace of its own, to a root that holds only PATHS.

    The root is made over the folder OVER, which is to be seen again inside of it. Raises OSError
    and leaves everything as it was where the kernel allows no such move. To be followed by
    `leave_old_root`, once nothing more is needed from there.
    """
    wanted = sorted({(path, os.path.realpath(path)) for path in paths if os.path.exists(path)})
    mount("tmpfs", over, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=755")
    try:
        os.mkdir(over + OLD)
        pivot_root(over, over + OLD)
    except OSError:
        umount(over, MNT_DETACH)
        raise
    os.chdir("/")
    for place in ("/dev/shm", "/proc", "/tmp"):
        os.makedirs(place, exist_ok=True)
    bound: list[str] = []
    for path, real in wanted:
        # Under both names: what is a link outside may be reached by either.
        for target in {real, path}:
            if not any(target == other or target.startswith(other + "/") for other in bound):
                _bind(real, target)
                bound.append(target)
    for name, target in LINKS.items():
        with suppress(OSError):
            os.symlink(target, name)


def leave_old_root() -> None:
    """Let go of the machine's root. From here on there is no way back to it."""
    umount(OLD, MNT_DETACH)
    os.rmdir(OLD)


def _bind(source: str, target: str) -> None:
    with suppress(OSError):  # not there for the run, then; it will say so where it needs it
        if os.path.isdir(OLD + source):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            Path(target).touch()
        mount(OLD + source, target, "", MS_BIND | MS_REC)
