"""The lifecycle of plugins and of runs: pure enums and one table, no framework.

(registered) --> LOADED --> INITIALIZED <--> RUNNING
                   |  \\          |             |
                   |   \\-------->+---> FAILED <+
                   v                     |
              UNAVAILABLE                |     only a person restarts:
                   \\____________________/      FAILED, UNAVAILABLE --> LOADED
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from plugins_app.errors import IllegalTransition


class State(StrEnum):
    LOADED = "LOADED"
    INITIALIZED = "INITIALIZED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    UNAVAILABLE = "UNAVAILABLE"

    @property
    def in_service(self) -> bool:
        """Whether a run may be asked for; in LOADED it waits for the plugin to initialise."""
        return self not in OUT_OF_SERVICE


class Action(StrEnum):
    REGISTER = "register"
    INITIALIZE = "initialize"
    MARK_UNAVAILABLE = "mark_unavailable"
    START_RUNNING = "start_running"
    FINISH_RUNNING = "finish_running"
    FAIL = "fail"
    RESTART = "restart"
    RELOAD = "reload"


OUT_OF_SERVICE: Final = frozenset({State.FAILED, State.UNAVAILABLE})

TRANSITIONS: Final[Mapping[tuple[State | None, Action], State]] = MappingProxyType(
    {
        (None, Action.REGISTER): State.LOADED,
        (State.LOADED, Action.INITIALIZE): State.INITIALIZED,
        (State.LOADED, Action.MARK_UNAVAILABLE): State.UNAVAILABLE,
        (State.INITIALIZED, Action.START_RUNNING): State.RUNNING,
        (State.RUNNING, Action.FINISH_RUNNING): State.INITIALIZED,
        (State.LOADED, Action.FAIL): State.FAILED,
        (State.INITIALIZED, Action.FAIL): State.FAILED,
        (State.RUNNING, Action.FAIL): State.FAILED,
        (State.FAILED, Action.RESTART): State.LOADED,
        (State.UNAVAILABLE, Action.RESTART): State.LOADED,
        (State.INITIALIZED, Action.RELOAD): State.LOADED,
    }
)


def next_state(state: State | None, action: Action) -> State:
    """The state that `action` leads to from `state` (None: not registered yet).

    Raises `IllegalTransition`, naming the states from which the action is allowed.
    """
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        allowed = " or ".join(sorted(source for source in sources(action)))
        raise IllegalTransition(
            f"{action.value} is not possible from {state or 'nowhere'}: only from {allowed}."
        ) from None


def allows(state: State | None, action: Action) -> bool:
    return (state, action) in TRANSITIONS


def sources(action: Action) -> frozenset[State]:
    """The states from which `action` is allowed."""
    return frozenset(state for state, known in TRANSITIONS if known is action and state)


def why_no_runs(*, name: str, state: State, enabled: bool, reason: str, has_tools: bool) -> str:
    """Why a run of this plugin would be refused, and what to do; "" when it would be accepted."""
    if not enabled:
        return f"The plugin {name!r} is disabled. Enable it to run its tools."
    if not state.in_service:
        why = reason.rstrip(". ")
        return f"The plugin {name!r} is {state}: {why}. Mend that, then restart it by hand."
    if not has_tools:
        return f"The plugin {name!r} is being loaded for the first time. Try again in a moment."
    return ""


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    MEMORY_EXCEEDED = "memory_exceeded"
    CRASHED = "crashed"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        return self not in ACTIVE

    @property
    def fails_plugin(self) -> bool:
        return self in PLUGIN_FAILURES


ACTIVE: Final = frozenset({RunStatus.QUEUED, RunStatus.RUNNING})
FINAL: Final = frozenset(RunStatus) - ACTIVE
PLUGIN_FAILURES: Final = frozenset(
    {
        RunStatus.FAILED,
        RunStatus.TIMED_OUT,
        RunStatus.MEMORY_EXCEEDED,
        RunStatus.CRASHED,
        RunStatus.LOST,
    }
)


class Via(StrEnum):
    """Through what a run was asked for."""

    CONSOLE = "console"
    API = "api"
    CLI = "cli"
    SCHEDULE = "schedule"
