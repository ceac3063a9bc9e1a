"""The first start: an empty database becomes a platform that somebody can log in to."""

import secrets

from django.contrib.auth import get_user_model
from django.db import transaction

from plugins_app.actors import PLATFORM
from plugins_app.services import audit

FIRST_USER = "admin"
PASSWORD_BYTES = 12


def ensure_superuser(*, password: str) -> str | None:
    """Create the superuser `admin` when there is no superuser at all; return its password, else None.

    Without PASSWORD a random one is made. Either way this is the only time it can be told.
    """
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    password = password or secrets.token_urlsafe(PASSWORD_BYTES)
    with transaction.atomic():
        users.create_superuser(FIRST_USER, password=password)
        audit.record(
            actor=PLATFORM,
            action="user.created",
            object=f"user:{FIRST_USER}",
            after={"is_superuser": True},
            reason="The first start.",
        )
    return password
