"""A run's input film, for the page to play. Only formats that hold pictures, never a document."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from plugins_app.console.acting import require
from plugins_app.models import Run, Upload

TYPES: Final = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}
RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
CHUNK_BYTES: Final = 256 << 10


def films_of(run: Run) -> list[dict[str, str]]:
    """The input files that a browser can play."""
    return [
        {"name": facts["name"], "address": reverse("admin:run_media", args=[run.pk, field])}
        for facts in run.files
        if _type(facts["name"]) and (field := facts["field"])
    ]


@require_safe
def run_file(request: HttpRequest, pk: UUID, field: str) -> HttpResponse:
    require(request, "view_upload")
    run = get_object_or_404(Run.objects.only("files"), pk=pk)
    facts = next((f for f in run.files if f["field"] == field and _type(f["name"])), None)
    upload = Upload.objects.filter(pk=facts["upload"]).first() if facts else None
    if upload is None or not upload.file.storage.exists(upload.file.name):
        raise Http404
    return _answer(request, upload)


def _answer(request: HttpRequest, upload: Upload) -> HttpResponse:
    found = RANGE.fullmatch(request.headers.get("Range", ""))
    start = int(found[1]) if found else 0
    stop = min(int(found[2]) + 1, upload.size) if found and found[2] else upload.size
    if start >= stop:
        response: Any = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response["Content-Range"] = f"bytes */{upload.size}"
        return response
    response = StreamingHttpResponse(_chunks(upload, start, stop))
    if found:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{upload.size}"
    response["Content-Length"] = str(stop - start)
    response["Content-Type"] = _type(upload.name)
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _chunks(upload: Upload, start: int, stop: int) -> Iterator[bytes]:
    with upload.file.storage.open(upload.file.name, "rb") as file:
        file.seek(start)
        while start < stop and (chunk := file.read(min(CHUNK_BYTES, stop - start))):
            start += len(chunk)
            yield chunk


def _type(name: str) -> str:
    return TYPES.get(PurePath(name).suffix.lower(), "")
