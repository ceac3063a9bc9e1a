"""A running run's line to the store: its events in, its viewers' previews, word of a cancellation."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from django.db import DatabaseError

import sandbox
from plugins_app.errors import LeaseLost
from plugins_app.lifecycle import RunStatus
from plugins_app.models import Run
from plugins_app.services import events
from plugins_app.services.insistence import insist

logger = logging.getLogger(__name__)

PREVIEW_EVERY_SECONDS: Final = 0.1


class Relay:
    """Belongs to one run on one worker. Raises LeaseLost when the run is no longer that worker's."""

    def __init__(self, *, run: Run, worker_id: UUID, should_stop: Callable[[], str | None]) -> None:
        self._run = run
        self._worker_id = worker_id
        self._should_stop = should_stop
        self._stored = run.event_count
        self._previews = 0
        self._next_preview = 0.0

    def store(self, batch: Sequence[sandbox.Event]) -> None:
        insist(lambda: self._append(batch))
        self._stored += len(batch)

    def preview(self, message: bytes) -> None:
        """Keep the newest picture; those that come faster than can be looked at are skipped."""
        now = time.monotonic()
        if now < self._next_preview:
            return
        self._next_preview = now + PREVIEW_EVERY_SECONDS
        self._previews += 1
        try:
            events.store_preview(run_id=self._run.pk, number=self._previews, message=message)
        except DatabaseError:
            logger.warning("a preview was not stored", exc_info=True)

    def cancelled(self) -> str | None:
        """Return why the run is to end now; None while it may go on."""
        if (reason := self._should_stop()) is not None:
            return reason
        held = insist(self._held)
        if held is None:
            raise LeaseLost
        requested_at, reason = held
        return (reason or "cancelled") if requested_at else None

    def _append(self, batch: Sequence[sandbox.Event]) -> None:
        try:
            events.append(
                run_id=self._run.pk,
                worker_id=self._worker_id,
                first_seq=self._stored + 1,
                events=batch,
            )
        except LeaseLost:
            # The commit before a broken connection may have gone through: then nothing is lost.
            if self._stored_count() != self._stored + len(batch):
                raise

    def _stored_count(self) -> int | None:
        held = Run.objects.held_by(self._worker_id).filter(pk=self._run.pk)
        return held.values_list("event_count", flat=True).first()

    def _held(self) -> tuple[object, str] | None:
        return (
            Run.objects.filter(pk=self._run.pk, status=RunStatus.RUNNING, worker=self._worker_id)
            .values_list("cancel_requested_at", "cancel_reason")
            .first()
        )
