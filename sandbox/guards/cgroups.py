"""Control groups: a hard limit on memory and tasks over the whole tree, where one may be made.

Version 2 where its controllers are delegated to us, else version 1's memory and pids. A group is
made next to the worker's own, for one run, and removed after it.
"""

import functools
import os
import time
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sandbox.guards import SWITCHED_OFF, Guard, degraded, enforced

NAME_PREFIX: Final = "bulkhead-"
ROOT: Final = Path("/sys/fs/cgroup")
LIMIT_FILES: Final = {
    "memory": ("memory.max", "memory.limit_in_bytes"),
    "pids": ("pids.max",),
}
GUARD_OF: Final = {"memory": "memory", "pids": "processes"}
REMOVE_PATIENCE_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 0.005


@dataclass(kw_only=True)
class Cgroup:
    """One run's groups: the folder per controller, and why a controller is missing."""

    folders: dict[str, Path] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    doors: list[int] = field(default_factory=list)

    def open_doors(self) -> None:
        """Make `join` possible from where the groups' folders cannot be seen."""
        for folder in set(self.folders.values()):
            self.doors.append(os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))

    def join(self) -> None:
        """Move the calling process in; its children follow."""
        for door in self.doors:
            os.write(door, b"0")

    def take_in(self, pid: int) -> None:
        """Move the process PID in."""
        for folder in set(self.folders.values()):
            _write(folder / "cgroup.procs", str(pid))

    def pids(self) -> list[int]:
        """Return the processes in the group that are not dead."""
        if not self.folders:
            return []
        folder = next(iter(self.folders.values()))
        return [int(line) for line in _read(folder / "cgroup.procs").split()]

    def limit(self, *, memory_bytes: int, tasks: int) -> None:
        """Put other limits on the group. What it holds over them stays, and the watch sees it."""
        for controller, limit in {"memory": memory_bytes, "pids": tasks}.items():
            if controller in self.folders:
                with suppress(OSError):
                    _write_limit(self.folders[controller], controller, limit)

    def oom_kills(self) -> int:
        """Return how many processes the kernel killed for want of memory in this group."""
        if (folder := self.folders.get("memory")) is None:
            return 0
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                words = dict(line.split() for line in _read(folder / name).splitlines())
                return int(words.get("oom_kill", 0))
        return 0

    def remove(self) -> None:
        """Remove the groups; the kernel lets go of the last dead process a moment late."""
        for folder in set(self.folders.values()):
            give_up = time.monotonic() + REMOVE_PATIENCE_SECONDS
            while not _removed(folder) and time.monotonic() < give_up:
                time.sleep(PAUSE_SECONDS)

    def memory_guard(self) -> Guard:
        watch = "watch over the tree's resident memory"
        if "memory" in self.folders:
            return enforced("memory", f"memory cgroup and {watch}")
        return degraded("memory", watch, f"no memory cgroup ({self.errors['memory']})")

    def processes_guard(self) -> Guard:
        if "pids" in self.folders:
            return enforced("processes", "pids cgroup and a count over the tree")
        return degraded(
            "processes",
            "a count over the tree",
            f"no pids cgroup: {self.errors['pids']}",
        )


def make_cgroup(
    label: str, *, memory_bytes: int, tasks: int, number: int = 0, without: Container[str] = ()
) -> Cgroup:
    """Make this run's groups; what cannot be had is noted, never raised.

    NUMBER tells groups of the same label and process apart.
    """
    group = Cgroup()
    name = f"{NAME_PREFIX}{label}-{os.getpid()}-{number}"
    for controller, limit in {"memory": memory_bytes, "pids": tasks}.items():
        if GUARD_OF[controller] in without:
            group.errors[controller] = SWITCHED_OFF
            continue
        try:
            group.folders[controller] = _limited_folder(controller, name, limit)
        except OSError as error:
            group.errors[controller] = error.strerror or str(error)
    return group


def remove_leftovers(label: str) -> None:
    """Remove groups that killed keepers could not: the run LABEL's, and those of dead standbys."""
    for controller in LIMIT_FILES:
        with suppress(OSError):
            for group in _parent(controller).glob(f"{NAME_PREFIX}*"):
                if group.name.startswith(f"{NAME_PREFIX}{label}-") or _is_abandoned(group.name):
                    _removed(group)


def _is_abandoned(name: str) -> bool:
    keeper = name.rpartition("-")[0].rpartition("-")[2]
    return keeper.isdigit() and not os.path.exists(f"/proc/{keeper}")


def _limited_folder(controller: str, name: str, limit: int) -> Path:
    parent = _parent(controller)
    if (parent / "cgroup.subtree_control").exists():  # version 2
        _delegate(parent, controller)
    folder = parent / name
    folder.mkdir(exist_ok=True)
    if _write_limit(folder, controller, limit):
        return folder
    _removed(folder)
    raise OSError(f"{folder} has no {controller} limits: the controller is not delegated to it")


def _write_limit(folder: Path, controller: str, limit: int) -> bool:
    for file in LIMIT_FILES[controller]:
        if (folder / file).exists():
            _write(folder / file, str(limit))
            return True
    return False


@functools.cache
def _parent(controller: str) -> Path:
    """Return the worker's own group for CONTROLLER. Keepers do not move."""
    groups = dict(_own_groups())
    if controller in groups:
        root = ROOT / controller
        path = groups[controller]
    elif ROOT.joinpath("cgroup.controllers").exists():
        root = ROOT
        path = groups.get("", "/")
    else:
        raise OSError(f"this machine has no {controller} control groups")
    own = root / path.lstrip("/")
    # In a container the path may be the host's, and what we see as the root is our own group.
    return own if own.is_dir() else root


def _own_groups() -> Iterator[tuple[str, str]]:
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _number, controllers, path = line.split(":", 2)
        yield from ((controller, path) for controller in controllers.split(","))


def _delegate(parent: Path, controller: str) -> None:
    if controller not in _read(parent / "cgroup.subtree_control").split():
        _write(parent / "cgroup.subtree_control", f"+{controller}")


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")
