"""What feeds are made of: a run's events, or the plugins' transitions, read from the store."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.db.models import Max

from plugins_app.lifecycle import RunStatus
from plugins_app.live import messages
from plugins_app.live.messages import Message
from plugins_app.models import Run, RunEvent, Transition


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a source has come. STATUS is given once nothing more will follow."""

    last_seq: int
    status: str | None = None


class Source(Protocol):
    """Read from any thread; equal sources are one feed."""

    permission: ClassVar[str]
    is_whole: ClassVar[bool]
    """Whether a client that names no `after` gets everything, or only what comes from now on."""

    def position(self) -> Position | None:
        """None when there is no such thing."""

    def read(self, *, after: int, limit: int) -> list[Message]:
        """The messages that follow AFTER, in order and without a hole."""

    def hello(self) -> dict[str, Any]:
        """What the first message tells beyond `last_seq`."""


@dataclass(frozen=True)
class RunEvents:
    permission: ClassVar[str] = "plugins_app.view_run"
    is_whole: ClassVar[bool] = True
    run_id: UUID

    def position(self) -> Position | None:
        # First the status, then the events: what has ended has said all it will say.
        status = Run.objects.filter(pk=self.run_id).values_list("status", flat=True).first()
        if status is None:
            return None
        return Position(last_seq=self.last_seq(), status=final_only(status))

    def last_seq(self) -> int:
        return RunEvent.objects.filter(run=self.run_id).aggregate(last=Max("seq"))["last"] or 0

    def read(self, *, after: int, limit: int) -> list[Message]:
        rows = RunEvent.objects.filter(run=self.run_id).after(after, limit=limit)
        return [
            messages.event(seq=seq, at=at, kind=kind, data=data)
            for seq, at, kind, data in rows.values_list("seq", "at", "kind", "data")
        ]

    def hello(self) -> dict[str, Any]:
        return {"run": str(self.run_id)}


@dataclass(frozen=True)
class Transitions:
    permission: ClassVar[str] = "plugins_app.view_plugin"
    is_whole: ClassVar[bool] = False

    def position(self) -> Position:
        return Position(last_seq=Transition.objects.aggregate(last=Max("seq"))["last"] or 0)

    def read(self, *, after: int, limit: int) -> list[Message]:
        rows = Transition.objects.after(after).only("plugin__name", *_TRANSITION_FIELDS)
        return [_transition(row) for row in rows[:limit]]

    def hello(self) -> dict[str, Any]:
        return {}


_TRANSITION_FIELDS = ("seq", "from_state", "to_state", "code", "reason", "actor", "run_id", "at")


def final_only(status: str) -> str | None:
    return str(status) if RunStatus(status).is_final else None


def _transition(row: Transition) -> Message:
    data = {
        "plugin": row.plugin.name,
        "from": row.from_state,
        "to": row.to_state,
        "code": row.code,
        "reason": row.reason,
        "actor": row.actor,
        "run": str(row.run_id) if row.run_id else None,
    }
    return messages.event(seq=row.seq, at=row.at, kind="transition", data=data)
