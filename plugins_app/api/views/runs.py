"""Runs: asked for, looked at, called off."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from plugins_app.api import repetition
from plugins_app.api.caching import conditional, encoded
from plugins_app.api.documentation import IDEMPOTENCY_KEY, PREFER, problems
from plugins_app.api.filters import RunFilter
from plugins_app.api.pagination import RunsById
from plugins_app.api.preferences import seconds_to_wait, when_final
from plugins_app.api.serializers.runs import CancelSerializer, RunSerializer
from plugins_app.api.views.base import View, actor_of, object_of, run_of
from plugins_app.lifecycle import RunStatus, Via
from plugins_app.models import Run
from plugins_app.services import runs
from plugins_app.services.idempotency import AlreadyDone, Once

ACCEPTED = {202: RunSerializer, 200: RunSerializer, **problems(400, 404, 409, 413, 415, 422)}


class ToolRun(View):
    needs = {"POST": "start_run"}
    throttle_scope = "run"

    @extend_schema(
        parameters=[PREFER, IDEMPOTENCY_KEY],
        request={"application/json": {"type": "object", "additionalProperties": True}},
        responses=ACCEPTED,
    )
    def post(self, request: Request, name: str, tool: str) -> HttpResponse:
        """Run a tool; the body is its input, as the tool's `input_schema` says."""
        given = object_of(request)

        def start(once: Once | None) -> Run:
            actor = actor_of(request)
            return runs.start_run(
                plugin=name, tool=tool, input=given, actor=actor, via=Via.API, once=once
            )

        return _once(request, given, start)


class RunRerun(View):
    needs = {"POST": "start_run"}
    throttle_scope = "run"

    @extend_schema(parameters=[PREFER, IDEMPOTENCY_KEY], request=None, responses=ACCEPTED)
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """The same call again, on the plugin as it is now."""
        run = run_of(pk)

        def start(once: Once | None) -> Run:
            return runs.rerun(run=run, actor=actor_of(request), via=Via.API, once=once)

        return _once(request, None, start)


@extend_schema(responses={200: RunSerializer(many=True), **problems(400)})
class RunList(generics.ListAPIView, View):
    """Runs, the newest first."""

    needs = {"GET": "view_run"}
    serializer_class = RunSerializer
    pagination_class = RunsById
    filterset_class = RunFilter
    queryset = Run.objects.brief()


class RunDetail(View):
    needs = {"GET": "view_run"}

    @extend_schema(responses={200: RunSerializer, **problems(404)})
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """One run, whole."""
        return conditional(request, encoded(RunSerializer(run_of(pk)).data))


class RunCancel(View):
    needs = {"POST": "cancel_run"}

    @extend_schema(
        request=CancelSerializer, responses={202: RunSerializer, **problems(400, 404, 409)}
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Call a run off: at once while it is queued, else as soon as its processes are dead."""
        asked = CancelSerializer(data=object_of(request))
        asked.is_valid(raise_exception=True)
        run = runs.cancel_run(run=run_of(pk), actor=actor_of(request), **asked.validated_data)
        return Response(RunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


def _once(request: Request, body: Any, start: Callable[[Once | None], Run]) -> HttpResponse:
    """Carry START out, unless the same request has been; answer alike in both cases."""
    once = repetition.once_of(request, body)
    record = repetition.earlier(once)
    if record is None:
        try:
            return _answer(request, start(once).pk, once)
        except AlreadyDone:
            record = repetition.earlier(once)
    return repetition.again(record) if record.answer else _answer(request, record.made, once)


def _answer(request: Request, pk: UUID, once: Once | None) -> HttpResponse:
    response = Response(headers={"Location": reverse("api:run", args=[pk])})
    _fill(response, pk)

    def finish() -> None:
        _fill(response, pk, may_be_final=True)
        repetition.keep(once, response)

    if not seconds_to_wait(request):
        repetition.keep(once, response)
    return when_final(request, response, run_id=pk, finish=finish)


def _fill(response: Response, pk: UUID, *, may_be_final: bool = False) -> None:
    run = run_of(pk)
    is_final = may_be_final and RunStatus(run.status).is_final
    response.data = RunSerializer(run).data
    response.status_code = status.HTTP_200_OK if is_final else status.HTTP_202_ACCEPTED
    if response.is_rendered:
        response.content = response.rendered_content
        response["Content-Length"] = str(len(response.content))
