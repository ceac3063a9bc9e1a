"""Requests that may be sent twice, as when an answer got lost, but must be carried out once.

The record of a key commits together with what its request made, so neither is without the other,
whoever dies when. Of two that come at the same moment the database lets one through.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from plugins_app.errors import IdempotencyConflict
from plugins_app.models import IdempotencyRecord


class AlreadyDone(Exception):
    """A request with this key has been carried out meanwhile; nothing was done again."""


@dataclass(frozen=True, kw_only=True)
class Once:
    """One request of one user; `fingerprint` tells it from another that was given the same key."""

    user_id: int
    key: str
    fingerprint: str

    def claim(self, *, made: UUID) -> None:
        """Note that this request makes MADE. Only inside the transaction that makes it.

        Raises AlreadyDone, which must undo that transaction, when another was faster.
        """
        _forget_old()
        try:
            with transaction.atomic():
                IdempotencyRecord.objects.create(
                    user_id=self.user_id, key=self.key, fingerprint=self.fingerprint, made=made
                )
        except IntegrityError:
            raise AlreadyDone from None


def fingerprint_of(*parts: Any) -> str:
    """Return a digest of plain JSON values: equal for equal requests, however they were written."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def find(*, once: Once) -> IdempotencyRecord | None:
    """Return what the same request made before, if anything.

    Raises IdempotencyConflict when the key stood for another request.
    """
    record = IdempotencyRecord.objects.filter(
        user_id=once.user_id, key=once.key, created_at__gt=_oldest()
    ).first()
    if record is not None and record.fingerprint != once.fingerprint:
        raise IdempotencyConflict
    return record


def keep_answer(*, once: Once, answer: dict[str, Any]) -> None:
    """Keep ANSWER for repetitions; the first one kept stays."""
    IdempotencyRecord.objects.filter(
        user_id=once.user_id, key=once.key, answer__isnull=True
    ).update(answer=answer)


def _forget_old() -> None:
    IdempotencyRecord.objects.filter(created_at__lte=_oldest()).delete()


def _oldest() -> datetime:
    return timezone.now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)
