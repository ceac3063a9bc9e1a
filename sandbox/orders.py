"""What runner and keeper tell each other on the control socket, as JSON frames.

Runner to keeper: one Setup, then any number of `deadline`, `stop`, `begin`, which puts a standby
under the limits of its run, and `settle`, which ends a run whose child stays, and is answered by
`settled`. Keeper to runner: one Ended. A closed control socket means the
runner is gone: the keeper kills the run and leaves.

A template's keeper is also sent `standby`, with one end of a control socket: the standby's own, on
which the same is said, after a `joined` when the standby has come into its control group.
"""

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self

CONTROL_FRAME_BYTES: Final = 1 << 20


class Breach(StrEnum):
    """Why the keeper killed a run before it ended by itself."""

    DEADLINE = "deadline"
    MEMORY = "memory"
    PROCESSES = "processes"
    SCRATCH = "scratch"
    STOPPED = "stopped"
    ORPHANED = "orphaned"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """All a keeper needs to build the walls. `deadline` is on the monotonic clock.

    `standby`: the child waits for its call, and gets the limits of its run with it. `nest` is the
    folder in which a template's standbys have their own, numbered below `slots`. `without` names
    guards that are switched off, to show that a test would notice.
    """

    label: str
    scratch: str
    plugin_folder: str
    readable: tuple[str, ...]
    network: bool
    gpu: bool
    deadline: float
    memory_bytes: int
    scratch_bytes: int
    processes: int
    open_files: int
    frame_bytes: int
    standby: bool = False
    nest: str = ""
    slots: int = 0
    without: tuple[str, ...] = ()

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Self:
        tuples = {name: tuple(message[name]) for name in ("readable", "without")}
        return cls(**message | tuples)


@dataclass(frozen=True, kw_only=True)
class Confines:
    """The limits of one run, for a standby that was made before they were known."""

    label: str
    memory_bytes: int
    scratch_bytes: int
    processes: int
    open_files: int
    frame_bytes: int

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    def put_on(self, setup: Setup) -> Setup:
        return replace(setup, **asdict(self))


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the tree ended, and what it took. `broken` is the keeper's own failure, if any."""

    exit_code: int | None = None
    signal: int | None = None
    breach: Breach | None = None
    oom_kills: int = 0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    broken: str | None = None

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Self:
        breach = message["breach"]
        return cls(**message | {"breach": Breach(breach) if breach else None})
