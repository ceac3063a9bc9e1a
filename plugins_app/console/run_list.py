"""The list of runs, which costs the same with a thousand runs and with a million.

Plugin, one status and the time of asking are answered by an index, however many runs there are.
Everything else (words, durations, memory, another order) is looked for among the newest
MOST_SEARCHED runs of that choice, and the page says so: to look further back, choose a day.
"""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from plugins_app.console import periods
from plugins_app.console.periods import Period
from plugins_app.console.run_filters import BY_TIME, TIME_PARAMETERS, id_range
from plugins_app.models import Run
from plugins_app.services.statistics import moment_of

MOST_SEARCHED: Final = 20_000
PLUGIN, STATUS = "plugin__id__exact", "status__exact"
PLAIN: Final = frozenset({PLUGIN, STATUS, "p", "all", *TIME_PARAMETERS})


class RunList(ChangeList):
    looked_through: int | None = None
    """How many runs were looked through, if there were more; None when all were."""

    def get_queryset(self, request: HttpRequest, *more: Any, **named: Any) -> QuerySet[Run]:
        chosen = self.everything(request, *more, **named)
        oldest = None if self._is_plain(request) else self._newest_left_out(request)
        if oldest is None:
            return chosen
        self.looked_through = MOST_SEARCHED
        return chosen.filter(pk__gt=oldest)

    def everything(self, request: HttpRequest, *more: Any, **named: Any) -> QuerySet[Run]:
        """Return all that the filters choose, however long it takes to find: for exports."""
        return super().get_queryset(request, *more, **named)

    def _is_plain(self, request: HttpRequest) -> bool:
        """Whether one index finds, in the order shown, whatever is asked."""
        asked = {name for name, value in request.GET.items() if value}
        if id_range(self.query):
            return True
        choices = len(request.GET.getlist(STATUS)) + (PLUGIN in asked)
        return asked <= PLAIN and choices <= 1

    def _newest_left_out(self, request: HttpRequest) -> UUID | None:
        runs = Run.objects.order_by("-pk")
        for spec in self.filter_specs:
            if isinstance(spec, BY_TIME):
                runs = spec.queryset(request, runs)
        statuses = request.GET.getlist(STATUS)
        if plugin := request.GET.get(PLUGIN):
            runs = runs.filter(plugin=plugin)
        elif len(statuses) == 1:
            runs = runs.filter(status=statuses[0])
        return runs.values_list("pk", flat=True)[MOST_SEARCHED : MOST_SEARCHED + 1].first()


def trail(request: HttpRequest) -> dict[str, list[tuple[str, str]]]:
    """The periods around the chosen one, and those to go down into: (title, query string) each."""
    period = Period.named(request.GET.get("on", ""))
    around = period.around if period else []
    return {
        "around": [("All", _query(request, ""))]
        + [(each.title, _query(request, each.name)) for each in around],
        "parts": [(each.title, _query(request, each.name)) for each in _parts(period)],
    }


def _parts(period: Period | None) -> list[Period]:
    now = datetime.now(UTC)
    if period:
        return [part for part in period.parts() if part.start <= now]
    first = Run.objects.order_by("pk").values_list("pk", flat=True).first()
    return periods.years(moment_of(first), now) if first else []


def _query(request: HttpRequest, on: str) -> str:
    query = request.GET.copy()
    for name in ("on", "p"):
        query.pop(name, None)
    if on:
        query["on"] = on
    return f"?{query.urlencode()}"
