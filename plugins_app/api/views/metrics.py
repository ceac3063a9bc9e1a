"""`/metrics`, for a caller with a token or from this machine."""

from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from plugins_app.api.metrics import REGISTRY
from plugins_app.api.permissions import HasItsPermission
from plugins_app.api.views.base import View

LOOPBACK: Final = ("127.", "::1", "::ffff:127.")
FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


class IsLoopback(BasePermission):
    """Whoever is on this machine itself, not whom a proxy on it speaks for."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        is_forwarded = any(header in request.headers for header in FORWARDED)
        address = request.META.get("REMOTE_ADDR") or ""
        return address.startswith(LOOPBACK) and not is_forwarded


class Metrics(View):
    permission_classes = (IsLoopback | HasItsPermission,)
    needs = {"GET": "view_plugin"}
    throttle_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - the framework's signature
        return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
