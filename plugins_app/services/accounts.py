"""Logging in and out of the API, each with its audit entry."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.db import transaction
from django.utils import timezone
from knox.models import get_token_model

from plugins_app.actors import Actor
from plugins_app.errors import BulkheadError
from plugins_app.services import audit


class LoginRefused(BulkheadError):
    """The name or the password is wrong, or the account is closed."""

    code = "login_refused"


@dataclass(frozen=True, kw_only=True)
class Login:
    """`token` is known to its owner only: the database keeps its digest."""

    token: str = field(repr=False)
    expiry: datetime | None


def login(*, username: str, password: str) -> Login:
    """Return a new token for the user; raise LoginRefused, which tells no more than that."""
    user = authenticate(username=username, password=password)
    if user is None:
        _record_refusal(username)
        raise LoginRefused
    with transaction.atomic():
        _forget_expired(user)
        known, token = get_token_model().objects.create(user=user)
        update_last_login(None, user)
        audit.record(actor=Actor.from_user(user), action="login", object=_object(username))
    return Login(token=token, expiry=known.expiry)


def logout(*, user: Any, token: Any = None, session: Any = None) -> None:
    """Make TOKEN, or the console's SESSION, good for nothing any more."""
    with transaction.atomic():
        if token is not None:
            token.delete()
        if session is not None:
            session.flush()
        audit.record(
            actor=Actor.from_user(user), action="logout", object=_object(user.get_username())
        )


def _record_refusal(username: str) -> None:
    with transaction.atomic():
        # Who tried is not known; only whose name was given.
        actor = Actor(name="anonymous")
        audit.record(actor=actor, action="login.refused", object=_object(username))


def _forget_expired(user: Any) -> None:
    user.auth_token_set.filter(expiry__lte=timezone.now()).delete()


def _object(username: str) -> str:
    return f"user:{username}"
