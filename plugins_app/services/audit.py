"""The audit chain: each entry carries the hash of the one before, so none can change unseen.

    hash = SHA-256(previous hash + canonical JSON of the entry)

An entry is written in the transaction of the act it tells of: neither exists without the other.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from plugins_app.actors import Actor
from plugins_app.models import AuditEntry

GENESIS: Final = "0" * 64
# Any number will do, as long as nothing else in the database takes the same advisory lock.
CHAIN_LOCK: Final = 0x42484B41
CHAINED_FIELDS: Final = ("seq", "actor", "action", "object", "before", "after", "reason")
CHUNK: Final = 2000


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a walk along the chain found; `head` is the hash to pin elsewhere."""

    ok: bool
    entries: int
    head: str
    first_broken: int | None = None
    problem: str = ""


def record(
    *,
    actor: Actor,
    action: str,
    object: str,
    before: Any = None,
    after: Any = None,
    reason: str = "",
) -> AuditEntry:
    """Append one entry. Only inside the transaction of the act itself."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "an audit entry belongs to its act's transaction"
        )
    _lock_chain()
    last = AuditEntry.objects.order_by("-seq").values_list("seq", "hash").first()
    seq, previous = last or (0, GENESIS)
    entry = AuditEntry(
        seq=seq + 1,
        at=timezone.now(),
        actor=actor.name[:200],
        action=action,
        object=object[:300],
        before=_plain(before),
        after=_plain(after),
        reason=reason,
        previous_hash=previous,
    )
    entry.hash = hash_of(entry)
    entry.save(force_insert=True)
    return entry


def verify() -> Verification:
    """Walk the whole chain and name the first entry that does not fit."""
    count, previous = 0, GENESIS
    for entry in AuditEntry.objects.order_by("seq").iterator(chunk_size=CHUNK):
        count += 1
        if problem := _problem(entry, expected_seq=count, previous=previous):
            return Verification(
                ok=False, entries=count, head=previous, first_broken=entry.seq, problem=problem
            )
        previous = entry.hash
    return Verification(ok=True, entries=count, head=previous)


def hash_of(entry: AuditEntry) -> str:
    """Return the hash that ENTRY must carry, by its fields and its predecessor's hash."""
    fields = {name: getattr(entry, name) for name in CHAINED_FIELDS} | {"at": _moment(entry.at)}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((entry.previous_hash + text).encode()).hexdigest()


def _problem(entry: AuditEntry, *, expected_seq: int, previous: str) -> str:
    if entry.seq != expected_seq:
        return f"entry {expected_seq} is missing: {entry.seq} comes in its place"
    if entry.previous_hash != previous:
        return f"entry {entry.seq} does not follow the one before it: that one was replaced"
    if entry.hash != hash_of(entry):
        return f"entry {entry.seq} was changed after it was written"
    return ""


def _lock_chain() -> None:
    # SQLite's IMMEDIATE transactions are already one at a time.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _plain(value: Any) -> Any:
    """Return VALUE as it will come back from the database, so that its hash can be checked."""
    return json.loads(json.dumps(value, default=str))
