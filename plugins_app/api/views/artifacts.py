"""The files a run left behind, whole or in part."""

import base64
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header, parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from plugins_app.api import problems as problem_details
from plugins_app.api.documentation import problems
from plugins_app.api.ranges import NotSatisfiable, Range, asked_for, chunks
from plugins_app.api.serializers.runs import ArtifactSerializer
from plugins_app.api.views.base import View, run_of
from plugins_app.errors import NotFound
from plugins_app.models import Artifact


class RunArtifacts(View):
    needs = {"GET": "view_artifact"}

    @extend_schema(
        operation_id="runs_artifacts_list",
        responses={200: ArtifactSerializer(many=True), **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:  # noqa: ARG002 - the framework's
        """The names, sizes and digests of what the run left."""
        return Response(ArtifactSerializer(run_of(pk).artifacts.all(), many=True).data)


class ArtifactFile(View):
    needs = {"GET": "view_artifact"}

    @extend_schema(
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="`bytes=0-99`"),
            OpenApiParameter("If-Range", str, OpenApiParameter.HEADER, description="An ETag."),
        ],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="You have it already."),
            **problems(404, 416),
        },
    )
    def get(self, request: Request, pk: UUID, name: str) -> HttpResponse:
        """The file; `Range` asks for a part of it."""
        artifact = _artifact(pk, name)
        etag = f'"{artifact.sha256}"'
        if etag in _tags(request.headers.get("If-None-Match", "")):
            return _described(HttpResponse(status=HTTPStatus.NOT_MODIFIED), artifact)
        try:
            part = _part(request, artifact, etag)
        except NotSatisfiable:
            return _not_satisfiable(request, artifact)
        response = _content(request, artifact, part or Range(start=0, stop=artifact.size))
        if part is not None:
            response.status_code = HTTPStatus.PARTIAL_CONTENT
            response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{artifact.size}"
        return response


def _artifact(pk: UUID, name: str) -> Artifact:
    # A NUL is no part of any name, and not every database takes it in a question.
    artifact = None if "\x00" in name else Artifact.objects.filter(run_id=pk, name=name).first()
    if artifact is None or not artifact.file.storage.exists(artifact.file.name):
        raise NotFound(f"The run {pk} has no artifact {name!r}. GET artifacts/ lists what it has.")
    return artifact


def _part(request: Request, artifact: Artifact, etag: str) -> Range | None:
    header = request.headers.get("Range", "")
    if_range = request.headers.get("If-Range", "")
    if not header or request.method != "GET" or (if_range and if_range.strip() != etag):
        return None
    return asked_for(header, size=artifact.size)


def _content(request: Request, artifact: Artifact, part: Range) -> HttpResponse:
    if request.method == "HEAD":
        response: Any = HttpResponse()
    else:
        response = StreamingHttpResponse(_stream(artifact, part))
    response["Content-Length"] = str(part.size)
    return _described(response, artifact)


def _stream(artifact: Artifact, part: Range) -> Iterator[bytes]:
    # Opened when it is first read, so that a response nobody reads leaves no file open.
    yield from chunks(artifact.file.storage.open(artifact.file.name, "rb"), part)


def _described(response: HttpResponse, artifact: Artifact) -> HttpResponse:
    digest = base64.b64encode(bytes.fromhex(artifact.sha256)).decode()
    response["ETag"] = f'"{artifact.sha256}"'
    response["Accept-Ranges"] = "bytes"
    response["Repr-Digest"] = f"sha-256=:{digest}:"
    response["Cache-Control"] = "private, no-cache"
    # A plugin wrote it: a browser is to keep it as a file, and never to run or show it as ours.
    response["Content-Type"] = "application/octet-stream"
    response["Content-Disposition"] = content_disposition_header(True, artifact.name)
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _not_satisfiable(request: Request, artifact: Artifact) -> Response:
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    detail = f"The file has {artifact.size} bytes; ask for a range within them."
    return Response(
        problem_details.problem(
            status=status, code="range_not_satisfiable", detail=detail, request=request
        ),
        status=status,
        content_type=problem_details.CONTENT_TYPE,
        headers={"Content-Range": f"bytes */{artifact.size}"},
    )


def _tags(header: str) -> set[str]:
    # If-None-Match compares weakly (RFC 9110, 13.1.2).
    return {tag.removeprefix("W/") for tag in parse_etags(header)}
