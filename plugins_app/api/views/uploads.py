"""Files that clients give."""

from typing import Any, Final

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from plugins_app.api import repetition
from plugins_app.api.documentation import IDEMPOTENCY_KEY, problems
from plugins_app.api.serializers.platform import UploadFormSerializer, UploadSerializer
from plugins_app.api.views.base import View, actor_of
from plugins_app.errors import Fault, InvalidInput, TooLarge
from plugins_app.models import Upload
from plugins_app.services.idempotency import AlreadyDone
from plugins_app.services.uploads import store_upload

FORM_BYTES: Final = 1 << 20
"""What a multipart form may weigh around its file."""


class Uploads(View):
    needs = {"POST": "add_upload"}
    parser_classes = (MultiPartParser,)
    throttle_scope = "upload"

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": UploadFormSerializer},
        responses={201: UploadSerializer, **problems(400, 413, 415, 422)},
    )
    def post(self, request: Request) -> Response:
        """Store a file; name it as `{"upload": "<id>"}` where a tool takes a File."""
        _refuse_too_large(request)
        content = _file_of(request)
        digest = repetition.digest_of(content) if "Idempotency-Key" in request.headers else ""
        once = repetition.once_of(request, [content.name, digest])
        record = repetition.earlier(once)
        if record is None:
            try:
                actor = actor_of(request)
                upload = store_upload(name=content.name, content=content, actor=actor, once=once)
            except AlreadyDone:
                record = repetition.earlier(once)
        if record is not None:
            if record.answer:
                return repetition.again(record)
            upload = Upload.objects.get(pk=record.made)
        response = Response(UploadSerializer(upload).data, status=status.HTTP_201_CREATED)
        repetition.keep(once, response)
        return response


def _refuse_too_large(request: Request) -> None:
    # Before the form is taken apart: what cannot be kept need not be copied.
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > settings.MAX_UPLOAD_BYTES + FORM_BYTES:
        raise TooLarge(
            f"The request is larger than the {settings.MAX_UPLOAD_BYTES:,} bytes this platform "
            "takes. Send a smaller file, or have BULKHEAD_MAX_UPLOAD_MB raised."
        )


def _file_of(request: Request) -> Any:
    content = request.FILES.get("file")
    if content is None:
        message = "is required: send one multipart part named `file`, with a file name"
        raise InvalidInput(
            f"The part `file` {message}.",
            faults=[Fault(pointer="/file", message=message, code="required")],
        )
    return content
