"""What one run's page shows, and two runs side by side."""

import json
import shlex
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from plugins_app.console import media
from plugins_app.lifecycle import RunStatus
from plugins_app.models import Run
from plugins_app.services import statistics


def context_of(request: HttpRequest, run: Run) -> dict[str, Any]:
    limits = {name: facts for name, facts in run.limits.items() if name != "max_concurrent_runs"}
    return {
        "run": run,
        "is_final": RunStatus(run.status).is_final,
        "phases": _phases(run),
        "gauges": _gauges(run),
        "limits": limits,
        "artifacts": [
            (artifact, reverse("api:run-artifact", args=[run.pk, artifact.name]))
            for artifact in run.artifacts.all()
        ],
        "films": media.films_of(run),
        "curl": _curl(request, run),
        "feed": {"run": str(run.pk), "events": reverse("api:run-events", args=[run.pk])},
    }


def comparison(run: Run) -> dict[str, Any]:
    other = statistics.last_success(run=run)
    rows = [] if other is None else list(zip(_facts(run), _facts(other), strict=True))
    return {
        "run": run,
        "other": other,
        "rows": [(name, mine, theirs, mine != theirs) for (name, mine), (_n, theirs) in rows],
    }


def _facts(run: Run) -> list[tuple[str, str]]:
    from_limits = {name: facts.get("value") for name, facts in run.limits.items()}
    return [
        ("Status", run.status),
        ("Plugin version", run.plugin_version),
        ("Input", _json(run.input)),
        ("Files", _json([(f["field"], f["name"], f["sha256"]) for f in run.files])),
        ("Limits", _json(from_limits)),
        ("Wall seconds", str(run.wall_seconds)),
        ("CPU seconds", str(run.cpu_seconds)),
        ("Peak memory, bytes", str(run.peak_memory_bytes)),
        ("Worker", f"{run.worker_host}:{run.worker_pid}"),
        ("Events", str(run.event_count)),
        ("Error", run.error_message),
        ("Result", _json(run.result)),
    ]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _phases(run: Run) -> list[dict[str, Any]]:
    """Queued, running, stored: how long each took, and where the run is now."""
    now = timezone.now()
    started, finished = run.started_at, run.finished_at
    waited = ((started or finished or now) - run.queued_at).total_seconds()
    ran = ((finished or now) - started).total_seconds() if started else None
    inside = run.wall_seconds
    handling = max(0.0, ran - inside) if ran is not None and inside is not None else None
    return [
        {"name": "queued", "seconds": waited, "is_now": run.status == RunStatus.QUEUED},
        {
            "name": "running",
            "seconds": inside if inside is not None else ran,
            "is_now": run.status == RunStatus.RUNNING,
        },
        {"name": "start and store", "seconds": handling, "is_now": False},
    ]


def _gauges(run: Run) -> list[dict[str, Any]]:
    limits = {name: facts.get("value") for name, facts in run.limits.items()}
    seconds, megabytes = limits.get("timeout_seconds"), limits.get("memory_mb")
    found = []
    if seconds:
        found.append(_gauge("Time", run.wall_seconds, seconds, "seconds"))
    if megabytes:
        found.append(_gauge("Memory", run.peak_memory_bytes, megabytes << 20, "bytes"))
    return found


def _gauge(title: str, value: float | None, most: float, unit: str) -> dict[str, Any]:
    return {"title": title, "value": value, "most": most, "unit": unit}


def _curl(request: HttpRequest, run: Run) -> str:
    """The same call for a shell; the token is the reader's own to fill in."""
    tool = reverse("api:tool-run", args=[run.plugin.name, run.tool])
    address = request.build_absolute_uri(quote(tool))
    return (
        f"curl -X POST {shlex.quote(address)} -H 'Authorization: Token '\"$TOKEN\" "
        f"-H 'Content-Type: application/json' -H 'Prefer: wait=60' "
        f"-d {shlex.quote(json.dumps(run.input))}"
    )
