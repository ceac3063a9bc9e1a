"""The audit, the workers, and the platform's own health."""

from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from plugins_app.api.documentation import problems
from plugins_app.api.filters import AuditFilter
from plugins_app.api.pagination import BySeq
from plugins_app.api.serializers.platform import (
    AuditEntrySerializer,
    LivenessSerializer,
    ReadinessSerializer,
    VerificationSerializer,
    WorkerSerializer,
)
from plugins_app.api.views.base import OpenView, View
from plugins_app.models import AuditEntry, Run, Worker
from plugins_app.services import audit, health


@extend_schema(responses={200: AuditEntrySerializer(many=True), **problems(400)})
class AuditList(generics.ListAPIView, View):
    """The audit's entries, the newest first."""

    needs = {"GET": "view_auditentry"}
    serializer_class = AuditEntrySerializer
    pagination_class = BySeq
    filterset_class = AuditFilter
    queryset = AuditEntry.objects.all()


class AuditVerification(View):
    needs = {"GET": "view_auditentry"}

    @extend_schema(responses={200: VerificationSerializer, **problems()})
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """Walk the chain of hashes and name the first entry that does not fit."""
        return Response(VerificationSerializer(audit.verify()).data)


class WorkerList(View):
    needs = {"GET": "view_worker"}

    @extend_schema(
        operation_id="workers_list",
        responses={200: WorkerSerializer(many=True), **problems()},
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """Every worker that has not said goodbye; an old heartbeat is a worker in trouble."""
        running = Run.objects.running().only("pk", "worker")
        workers = Worker.objects.filter(stopped_at__isnull=True).prefetch_related(
            Prefetch("runs", queryset=running, to_attr="active")
        )
        return Response(WorkerSerializer(workers, many=True).data)


class Live(OpenView):
    throttle_classes = ()

    @extend_schema(auth=[], responses={200: LivenessSerializer})
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """The web process answers."""
        return Response({"status": "ok"})


class Ready(OpenView):
    throttle_classes = ()

    @extend_schema(auth=[], responses={200: ReadinessSerializer, 503: ReadinessSerializer})
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """The database, the broker, the channel layer and a worker answer."""
        found = health.readiness()
        code = status.HTTP_200_OK if found.ready else status.HTTP_503_SERVICE_UNAVAILABLE
        return Response(found.to_json(), status=code)
