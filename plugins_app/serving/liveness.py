"""The sign of life, given by the event loop itself: it answers while every thread is busy."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

PATH: Final = "/api/v1/health/live/"
BODY: Final = json.dumps({"status": "ok"}).encode()
HEADERS: Final = [
    (b"Content-Type", b"application/json"),
    (b"Content-Length", str(len(BODY)).encode()),
    (b"Cache-Control", b"no-store"),
    (b"X-Content-Type-Options", b"nosniff"),
]


def asks_for_life(scope: dict[str, Any]) -> bool:
    return scope["path"] == PATH and scope["method"] in ("GET", "HEAD")


async def answer_liveness(
    scope: dict[str, Any], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    body = BODY if scope["method"] == "GET" else b""
    await send({"type": "http.response.body", "body": body})
