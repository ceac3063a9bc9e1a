"""What a run says, on its way into the store: committed first, hinted at afterwards."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import F

from plugins_app import hints
from plugins_app.errors import LeaseLost
from plugins_app.models import Run, RunEvent, RunPreview


class Said(Protocol):
    """One thing a run said; `at` is unix time in seconds."""

    kind: str
    data: dict[str, object]
    at: float


def append(*, run_id: UUID, worker_id: UUID, first_seq: int, events: Sequence[Said]) -> None:
    """Store EVENTS, numbered from FIRST_SEQ on.

    Raises LeaseLost, and stores nothing, when the run is no longer this worker's.
    """
    with transaction.atomic():
        held = Run.objects.held_by(worker_id).filter(pk=run_id, event_count=first_seq - 1)
        if not held.update(event_count=F("event_count") + len(events)):
            raise LeaseLost
        RunEvent.objects.bulk_create(
            RunEvent(
                run_id=run_id,
                seq=seq,
                at=datetime.fromtimestamp(event.at, UTC),
                kind=event.kind,
                data=event.data,
            )
            for seq, event in enumerate(events, first_seq)
        )
        hints.ring()


def store_preview(*, run_id: UUID, number: int, message: bytes) -> None:
    """Keep the newest preview of a run where its viewers' web processes can see it."""
    RunPreview.objects.update_or_create(
        run_id=run_id, defaults={"number": number, "message": message}
    )
    hints.ring()


def drop_preview(*, run_id: UUID) -> None:
    RunPreview.objects.filter(run_id=run_id).delete()
