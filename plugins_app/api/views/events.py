"""A run's events, read from the store."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from plugins_app.api.documentation import problems
from plugins_app.api.fields import positive, whole_number
from plugins_app.api.serializers.runs import EventsSerializer
from plugins_app.api.views.base import View, run_of
from plugins_app.api.weighing import fitting

MOST_EVENTS = 1000


class RunEvents(View):
    needs = {"GET": "view_runevent"}

    @extend_schema(
        parameters=[
            OpenApiParameter("after", int, description="The last `seq` that you have."),
            OpenApiParameter("limit", int, description=f"How many, at most {MOST_EVENTS}."),
        ],
        responses={200: EventsSerializer, **problems(400, 404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Events in order, without a gap, from `after` on."""
        after = whole_number(request, "after", default=0)
        limit = min(positive(request, "limit", default=MOST_EVENTS), MOST_EVENTS)
        # The run first: whoever reads a final status here has been told the last number there is.
        run = run_of(pk)
        events = run.events.filter(seq__gt=after).order_by("seq")
        limit = fitting(events, ["data"], limit=limit)
        page = {"events": events[:limit], "last_seq": run.event_count, "status": run.status}
        return Response(EventsSerializer(page).data)
