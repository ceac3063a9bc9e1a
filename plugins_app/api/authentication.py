"""Who calls: a token in the `Authorization` header, or the console's session (with CSRF)."""

import re
from typing import Any, Final

from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.models import get_token_model
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed

TOKEN: Final = re.compile(rb"[A-Za-z0-9_-]{20,200}")


class TokenAuthentication(KnoxAuthentication):
    """`Authorization: Token …`, found by its digest in one query."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        if not TOKEN.fullmatch(token):
            raise _refusal()
        known = (
            get_token_model()
            .objects.select_related("user")
            .filter(digest=hash_token(token.decode("ascii")))
            .first()
        )
        if known is None or (known.expiry and known.expiry <= timezone.now()):
            raise _refusal()
        return self.validate_user(known)


class ConsoleSession(SessionAuthentication):
    """The session cookie of someone logged in to the console."""


def _refusal() -> AuthenticationFailed:
    return AuthenticationFailed(
        "This token is unknown or has expired. Log in again at auth/login/ for a new one."
    )
