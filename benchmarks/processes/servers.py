"""What the API is measured against: daphne with nothing behind it, and Django's own ASGI handler."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

BODY = b"x" * 5000

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_handler = get_asgi_application()


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001
    while (await receive()).get("more_body"):
        pass
    headers = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
