"""What the sandbox hands back. Values only: nothing here decides anything."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sandbox.guards import Guard


class Status(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    MEMORY_EXCEEDED = "memory_exceeded"
    CRASHED = "crashed"


class Stage(StrEnum):
    """How far a plugin came while it was loaded."""

    IMPORTED = "imported"
    INITIALIZED = "initialized"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong, for people: `code` is a stable snake_case word, `message` says what
    happened, why, and what to do. `traceback` holds the plugin's own frames only."""

    code: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing a run said; `at` is the unix time at which the runner read it."""

    kind: str
    data: dict[str, Any]
    at: float


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file the run leaves: regular, inside its scratch folder, reachable by no other name."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    name: str
    title: str
    description: str
    streams: bool
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    file_fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """How one run went."""

    status: Status
    result: Any = None
    problem: Problem | None = None
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    exit_code: int | None = None
    signal: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    log_tail: str = ""
    guards: tuple[Guard, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """How loading a plugin went. `unavailable` lists what it declares and this machine lacks;
    `problem` is the plugin's own fault."""

    stage: Stage | None = None
    tools: tuple[ToolSpec, ...] = ()
    unavailable: tuple[Problem, ...] = ()
    problem: Problem | None = None
    guards: tuple[Guard, ...] = field(default=())
    wall_seconds: float = 0.0
    peak_memory_bytes: int = 0
    log_tail: str = ""
