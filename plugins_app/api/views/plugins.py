"""The plugins: read from the registry, operated through the catalog."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from plugins_app import registry
from plugins_app.api.caching import EncodedOnce, conditional, encoded
from plugins_app.api.documentation import problems
from plugins_app.api.pagination import BySeq
from plugins_app.api.serializers.plugins import (
    HealthSerializer,
    PluginBriefSerializer,
    PluginChangeSerializer,
    PluginSerializer,
    ReasonSerializer,
    TransitionSerializer,
)
from plugins_app.api.views.base import View, actor_of, object_of, plugin_of
from plugins_app.models import Transition
from plugins_app.services import catalog

_list = EncodedOnce(lambda plugins: encoded(PluginBriefSerializer(plugins, many=True).data))


class PluginList(View):
    needs = {"GET": "view_plugin"}

    @extend_schema(
        operation_id="plugins_list",
        responses={200: PluginBriefSerializer(many=True), **problems()},
    )
    def get(self, request: Request) -> HttpResponse:
        """Every plugin, in whatever state."""
        return conditional(request, _list.of(registry.all()))


class PluginDetail(View):
    needs = {"GET": "view_plugin", "PATCH": "configure_plugin"}

    @extend_schema(responses={200: PluginSerializer, **problems(404)})
    def get(self, request: Request, name: str) -> HttpResponse:
        """Everything about one plugin."""
        return conditional(request, encoded(PluginSerializer(plugin_of(name)).data))

    @extend_schema(
        request=PluginChangeSerializer, responses={200: PluginSerializer, **problems(400, 404)}
    )
    def patch(self, request: Request, name: str) -> Response:
        """Enable, disable, set limits and settings; audited with before and after."""
        catalog.configure_plugin(name=name, actor=actor_of(request), changes=object_of(request))
        return Response(PluginSerializer(plugin_of(name)).data)


class PluginRestart(View):
    needs = {"POST": "restart_plugin"}

    @extend_schema(
        request=ReasonSerializer, responses={202: PluginSerializer, **problems(400, 404, 409)}
    )
    def post(self, request: Request, name: str) -> Response:
        """Take a FAILED or UNAVAILABLE plugin back to LOADED, from where it is loaded anew."""
        reason = object_of(request).get("reason")
        catalog.restart_plugin(name=name, actor=actor_of(request), reason=reason)
        return _accepted(name)


class PluginReload(View):
    needs = {"POST": "reload_plugin"}

    @extend_schema(
        request=ReasonSerializer, responses={202: PluginSerializer, **problems(400, 404, 409)}
    )
    def post(self, request: Request, name: str) -> Response:
        """Load an INITIALIZED plugin anew, for new code or settings."""
        reason = object_of(request).get("reason")
        catalog.reload_plugin(name=name, actor=actor_of(request), reason=reason)
        return _accepted(name)


class PluginHealth(View):
    needs = {"GET": "view_plugin"}

    @extend_schema(responses={200: HealthSerializer, **problems(404)})
    def get(self, request: Request, name: str) -> HttpResponse:
        """How the plugin is, whatever its state."""
        return conditional(request, encoded(HealthSerializer(plugin_of(name)).data))


class PluginReady(View):
    needs = {"GET": "view_plugin"}

    @extend_schema(
        responses={200: HealthSerializer, 503: HealthSerializer, **problems(404)},
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """200 when a run would be accepted, else 503; the same body as `health/`."""
        plugin = plugin_of(name)
        code = status.HTTP_200_OK if plugin.accepts_runs else status.HTTP_503_SERVICE_UNAVAILABLE
        return conditional(request, encoded(HealthSerializer(plugin).data), status=code)


@extend_schema(responses={200: TransitionSerializer(many=True), **problems(400, 404)})
class PluginTransitions(generics.ListAPIView, View):
    """Every change of state, the newest first."""

    needs = {"GET": "view_transition"}
    serializer_class = TransitionSerializer
    pagination_class = BySeq
    queryset = Transition.objects.all()

    def get_queryset(self) -> QuerySet[Transition]:
        return super().get_queryset().filter(plugin_id=plugin_of(self.kwargs["name"]).id)


def _accepted(name: str) -> Response:
    return Response(
        PluginSerializer(plugin_of(name)).data,
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": reverse("api:plugin", args=[name])},
    )
