"""An application for tests: the real handler on daphne, with views that show what it does."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

from plugins_app.serving import ByProtocol, HttpApplication

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

seen: dict[str, set[Any]] = {"threads": set(), "connections": set()}
closed: list[str] = []


def slow(request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    seen["threads"].add(threading.get_ident())
    seen["connections"].add(id(connection.connection))
    time.sleep(float(request.GET["seconds"]))
    return JsonResponse({})


def facts(_request: HttpRequest) -> JsonResponse:
    counts = {name: len(found) for name, found in seen.items()}
    return JsonResponse({**counts, "closed": closed})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    megabytes = int(request.GET["megabytes"])

    def chunks() -> Iterator[bytes]:
        try:
            for _number in range(megabytes * 4):
                yield bytes(256 << 10)
        finally:
            closed.append("stream")

    return StreamingHttpResponse(chunks())


def length(request: HttpRequest) -> JsonResponse:
    size = 0
    while chunk := request.read(1 << 20):
        size += len(chunk)
    return JsonResponse({"size": size, "announced": request.META["CONTENT_LENGTH"]})


urlpatterns = [
    path("slow/", slow),
    path("facts/", facts),
    path("stream/", stream),
    path("length/", length),
]
settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = []


async def _never(_run_id: Any, _seconds: float) -> bool:
    return False


application = ByProtocol(
    http=HttpApplication(threads=3, largest_body=300 << 20, wait_until_final=_never)
)
