"""Answers where no view of ours was reached: the API still tells every error as a problem."""

from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.urls import Resolver404, resolve
from django.views import csrf, defaults

from plugins_app.api.problems import CONTENT_TYPE, problem

API: Final = "/api/"


def unknown_address(request: HttpRequest, rest: str = "") -> HttpResponse:  # noqa: ARG001
    """404, or the way to the same address with its slash at the end, method and body kept."""
    if not request.path.endswith("/") and _is_known(f"{request.path_info}/"):
        address = f"{request.path}/"
        query = request.META.get("QUERY_STRING", "")
        response = HttpResponsePermanentRedirect(f"{address}?{query}" if query else address)
        response.status_code = HTTPStatus.PERMANENT_REDIRECT
        return response
    return _problem(
        request,
        HTTPStatus.NOT_FOUND,
        "not_found",
        "There is nothing at this address. GET /api/v1/schema/ lists all there are.",
    )


def _is_known(path: str) -> bool:
    try:
        return resolve(path).func is not unknown_address
    except Resolver404:
        return False


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception)
    words = "The request makes no sense. Look at its headers and address, then send it again."
    return _problem(request, HTTPStatus.BAD_REQUEST, "malformed", words)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return unknown_address(request)
    return defaults.page_not_found(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API):
        return defaults.permission_denied(request, exception)
    return _problem(request, HTTPStatus.FORBIDDEN, "permission_denied", "You may not do that.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if not request.path.startswith(API):
        return csrf.csrf_failure(request, reason)
    return _problem(request, HTTPStatus.FORBIDDEN, "permission_denied", f"CSRF Failed: {reason}")


def server_error(request: HttpRequest, *args: Any) -> HttpResponse:
    if not request.path.startswith(API):
        return defaults.server_error(request, *args)
    words = "The platform has a fault of its own. It is in the log; tell whoever runs it."
    return _problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", words)


def _problem(request: HttpRequest, status: HTTPStatus, code: str, detail: str) -> HttpResponse:
    body = problem(status=status, code=code, detail=detail, request=request)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
