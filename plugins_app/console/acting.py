"""What every act of the console has in common: a permission, a reason, an answer in words."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from plugins_app.actors import Actor
from plugins_app.errors import BulkheadError, InvalidInput


def require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(f"plugins_app.{permission}"):
        raise PermissionDenied


def actor_of(request: HttpRequest) -> Actor:
    return Actor.from_user(request.user)


def attempt(request: HttpRequest, act: Callable[[], Any], *, done: str) -> Any | None:
    """Carry ACT out and say DONE; on a refusal say why and return None."""
    try:
        result = act()
    except BulkheadError as error:
        messages.error(request, words_of(error))
        return None
    messages.success(request, done)
    return result


def words_of(error: BulkheadError) -> str:
    """The error's message, with each fault and its place."""
    if not isinstance(error, InvalidInput) or not error.faults:
        return error.message
    faults = "; ".join(f"{f.pointer.lstrip('/') or 'input'}: {f.message}" for f in error.faults)
    return f"{error.message} {faults}."
