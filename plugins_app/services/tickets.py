"""Tickets: passes to a live feed for browsers on another origin, which can send no header."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from plugins_app.models import Ticket


def issue_ticket(*, user: Any) -> str:
    """Return a ticket that opens one feed as USER, once, within TICKET_SECONDS.

    Only its digest is stored, so the database gives no ticket away.
    """
    ticket = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        Ticket.objects.filter(expires_at__lte=now).delete()
        Ticket.objects.create(
            digest=_digest(ticket),
            user=user,
            expires_at=now + timedelta(seconds=settings.TICKET_SECONDS),
        )
    return ticket


def redeem_ticket(*, ticket: str) -> Any | None:
    """Return the user whom TICKET lets in, and void it; None when it is unknown, used or too old.

    Of several who redeem one ticket at once, the one whose delete hits the row gets in.
    """
    valid = Ticket.objects.filter(digest=_digest(ticket), expires_at__gt=timezone.now())
    found = valid.select_related("user").first()
    if found is None:
        return None
    deleted, _by_model = valid.delete()
    return found.user if deleted and found.user.is_active else None


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode(errors="surrogatepass")).hexdigest()
