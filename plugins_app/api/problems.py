"""Every error as a problem (RFC 9457). The one place that knows which code is which HTTP status."""

import errno
import math
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from plugins_app.errors import BulkheadError, Fault

CONTENT_TYPE: Final = "application/problem+json"

STATUS_OF_CODE: Final[Mapping[str, HTTPStatus]] = {
    "invalid_input": HTTPStatus.BAD_REQUEST,
    "bad_manifest": HTTPStatus.BAD_REQUEST,
    "login_refused": HTTPStatus.UNAUTHORIZED,
    "permission_denied": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "illegal_transition": HTTPStatus.CONFLICT,
    "stale_state": HTTPStatus.CONFLICT,
    "plugin_not_ready": HTTPStatus.CONFLICT,
    "already_final": HTTPStatus.CONFLICT,
    "name_taken": HTTPStatus.CONFLICT,
    "lease_lost": HTTPStatus.CONFLICT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "idempotency_key_reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "registry_busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "guards_missing": HTTPStatus.SERVICE_UNAVAILABLE,
}
CODE_OF_FRAMEWORK_ERROR: Final[Mapping[type[exceptions.APIException], str]] = {
    exceptions.ParseError: "malformed",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "authentication_failed",
    exceptions.PermissionDenied: "permission_denied",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.Throttled: "throttled",
    exceptions.ValidationError: "invalid_input",
}
SECONDS_TO_COME_BACK: Final = 1


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the problem that tells of ERROR; None for a fault of our own, which is a 500."""
    told = _told(error)
    if told is None:
        return None
    status, code, detail, faults = told
    response = Response(
        problem(status=status, code=code, detail=detail, faults=faults, request=context["request"]),
        status=status,
        content_type=CONTENT_TYPE,
        headers=_headers(error, status),
    )
    # Where a page or a file was asked for, the problem is still told as what it is.
    request = context["request"]
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), CONTENT_TYPE
    return response


def problem(
    *,
    status: int,
    code: str,
    detail: str,
    request: HttpRequest,
    faults: Sequence[Fault] = (),
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"urn:bulkhead:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "instance": request.path,
        "code": code,
    }
    if faults:
        body["errors"] = [
            {"pointer": fault.pointer, "detail": fault.message, "code": fault.code}
            for fault in faults
        ]
    return body


def _told(error: Exception) -> tuple[int, str, str, Sequence[Fault]] | None:
    match error:
        case BulkheadError():
            status = STATUS_OF_CODE.get(error.code, HTTPStatus.BAD_REQUEST)
            return status, error.code, error.message, getattr(error, "faults", ())
        case exceptions.ValidationError():
            faults = tuple(_faults(error.detail, ""))
            return error.status_code, "invalid_input", _summary(faults), faults
        case exceptions.UnsupportedMediaType():
            words = f"{error.detail} Send what the schema names: JSON, or a form for an upload."
            return error.status_code, "unsupported_media_type", words, ()
        case exceptions.APIException():
            code = CODE_OF_FRAMEWORK_ERROR.get(type(error), error.default_code)
            return error.status_code, code, str(error.detail), ()
        case Http404():
            return HTTPStatus.NOT_FOUND, "not_found", _words(error, "There is no such thing."), ()
        case PermissionDenied():
            words = _words(error, "You may not do that.")
            return HTTPStatus.FORBIDDEN, "permission_denied", words, ()
    return _told_of_framework(error)


def _told_of_framework(error: Exception) -> tuple[int, str, str, Sequence[Fault]] | None:
    match error:
        case RequestDataTooBig():
            words = "The request is larger than this platform takes. Send a smaller one."
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", words, ()
        case SuspiciousOperation():
            words = (
                "The request makes no sense. Look at its headers and fields, then send it again."
            )
            return HTTPStatus.BAD_REQUEST, "malformed", words, ()
        case DataError():
            words = "A value does not fit its place in the database. Send a smaller or plainer one."
            return HTTPStatus.BAD_REQUEST, "invalid_input", words, ()
        case OperationalError() | InterfaceError():
            words = "The database does not answer now. Try again in a moment."
            return HTTPStatus.SERVICE_UNAVAILABLE, "database_unavailable", words, ()
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            words = (
                "The platform's disk is full. Have whoever runs it make room, with `manage.py "
                "prune_runs` or a larger disk; then send the request again."
            )
            return HTTPStatus.SERVICE_UNAVAILABLE, "storage_full", words, ()
    return None


def _headers(error: Exception, status: int) -> dict[str, str]:
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Token"
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(SECONDS_TO_COME_BACK)
    return headers


def _faults(detail: Any, pointer: str) -> Iterator[Fault]:
    """Walk a serializer's tree of errors."""
    if isinstance(detail, Mapping):
        for name, below in detail.items():
            is_whole = name == "non_field_errors"
            yield from _faults(below, pointer if is_whole else f"{pointer}/{_escaped(str(name))}")
    elif isinstance(detail, list):
        for number, below in enumerate(detail):
            is_leaf = isinstance(below, str)
            yield from _faults(below, pointer if is_leaf else f"{pointer}/{number}")
    else:
        yield Fault(
            pointer=pointer, message=str(detail), code=str(getattr(detail, "code", "invalid"))
        )


def _summary(faults: Sequence[Fault]) -> str:
    places = "; ".join(f"{fault.pointer or 'the whole'}: {fault.message}" for fault in faults[:5])
    return f"The request does not fit. {places}"


def _words(error: Exception, otherwise: str) -> str:
    # Django puts paths and model names into its 404s; ours say a sentence.
    words = str(error)
    return words if words.endswith(".") else otherwise


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
