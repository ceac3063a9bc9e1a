"""Who connects: by token, by ticket, or by the session cookie of a page of this very origin."""

from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.http import HttpRequest
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from plugins_app.services import tickets


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a connection showed, each "" when it did not."""

    authorization: str
    ticket: str
    session: str

    @classmethod
    def of(cls, scope: dict[str, Any]) -> "Credentials":
        headers = {name.lower(): value.decode("latin1") for name, value in scope["headers"]}
        query = parse_qs(scope.get("query_string", b"").decode("latin1"))
        return cls(
            authorization=headers.get(b"authorization", ""),
            ticket=query.get("ticket", [""])[0],
            session=_session_key(headers) if _is_same_origin(headers) else "",
        )


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A known user. RECALL asks for the user anew: None when the credentials hold no longer."""

    user: Any
    recall: Callable[[], Any | None]


def recognise(credentials: Credentials) -> Visitor | None:
    """Return whose CREDENTIALS these are; None when nobody's. A ticket is used up by this.

    A token goes before a ticket, a ticket before a cookie; a wrong one is not made up for by the
    next.
    """
    if credentials.authorization:
        return _visitor(lambda: _by_token(credentials.authorization))
    if credentials.ticket:
        user = tickets.redeem_ticket(ticket=credentials.ticket)
        return user and Visitor(user=user, recall=lambda: _by_id(user.pk))
    if credentials.session:
        return _visitor(lambda: _by_session(credentials.session))
    return None


def _visitor(recall: Callable[[], Any | None]) -> Visitor | None:
    user = recall()
    return Visitor(user=user, recall=recall) if user is not None else None


def _by_token(authorization: str) -> Any | None:
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = authorization
    try:
        found = TokenAuthentication().authenticate(request)
    except (AuthenticationFailed, UnicodeDecodeError):
        return None
    return found[0] if found else None


def _by_session(key: str) -> Any | None:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user if user.is_authenticated and user.is_active else None


def _by_id(user_id: int) -> Any | None:
    return get_user_model().objects.filter(pk=user_id, is_active=True).first()


def _session_key(headers: dict[bytes, str]) -> str:
    try:
        cookies = SimpleCookie(headers.get(b"cookie", ""))
    except CookieError:
        return ""
    morsel = cookies.get(settings.SESSION_COOKIE_NAME)
    return morsel.value if morsel else ""


def _is_same_origin(headers: dict[bytes, str]) -> bool:
    """Whether no page of another origin asks. Browsers always tell; what tells nothing is none."""
    origin = headers.get(b"origin")
    if origin is None:
        return True
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    host = headers.get(b"host", "")
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
