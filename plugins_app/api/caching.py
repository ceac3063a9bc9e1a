"""Answers that are encoded once, and those that a client has already."""

import hashlib
import json
from collections.abc import Callable
from threading import Lock
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from rest_framework.utils.encoders import JSONEncoder


def encoded(value: Any) -> bytes:
    return json.dumps(value, cls=JSONEncoder, separators=(",", ":"), ensure_ascii=False).encode()


def conditional(request: HttpRequest, body: bytes, *, status: int = 200) -> HttpResponse:
    """BODY as JSON with its ETag, or 304 when the client has just that."""
    response = HttpResponse(body, status=status, content_type="application/json")
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    if status != 200:
        return response
    return get_conditional_response(request, etag=etag, response=response) or response


class EncodedOnce:
    """Keeps what `encode` made of a value for as long as that very value is asked for again.

    The registry gives the same tuple until something changes, so identity tells enough.
    """

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        self._encode = encode
        self._lock = Lock()
        self._kept: tuple[Any, bytes] = (None, b"")

    def of(self, value: Any) -> bytes:
        source, body = self._kept
        if source is value:
            return body
        with self._lock:
            body = self._encode(value)
            self._kept = (value, body)
            return body
