"""The first page: is everything well, and if not, where to look."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from plugins_app.console import charts
from plugins_app.lifecycle import PLUGIN_FAILURES, RunStatus
from plugins_app.services import health, statistics


def context_of(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's hook for the index page. Each part is for those who may see what is behind it."""
    if not request.user.has_perm("plugins_app.view_run"):
        return context
    hours = statistics.runs_by_hour()
    seconds = statistics.durations()
    return context | {
        "shows_runs": True,
        "states": [
            (state, count, _list("plugin", state__exact=state))
            for state, count in statistics.plugins_by_state().items()
        ],
        "hours": hours,
        "chart": charts.hours_chart(hours),
        "total": sum(sum(hour.counts.values()) for hour in hours),
        "failed": sum(hour.counts.get(s, 0) for hour in hours for s in PLUGIN_FAILURES),
        "failures": statistics.failures(),
        "failures_link": _list("run", status__exact=sorted(PLUGIN_FAILURES)),
        "p50": statistics.percentile(seconds, 50),
        "p95": statistics.percentile(seconds, 95),
        "queue": statistics.queue(),
        "queued_link": _list("run", status__exact=RunStatus.QUEUED),
        "running_link": _list("run", status__exact=RunStatus.RUNNING),
        "workers": statistics.living_workers(),
        "checks": health.readiness().checks,
        "now": datetime.now(UTC),
    }


def _list(model: str, **filters: Any) -> str:
    address = reverse(f"admin:plugins_app_{model}_changelist")
    return f"{address}?{urlencode(filters, doseq=True)}"
