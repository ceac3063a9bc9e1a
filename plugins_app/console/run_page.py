"""What one run's page shows, and two runs side by side."""

import json
import shlex
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from plugins_app.console import media, tags
from plugins_app.lifecycle import RunStatus
from plugins_app.models import Run
from plugins_app.services import statistics

WAITING: Final = "From being asked for until a worker took it."
STARTING: Final = "From there to its first event: the sandbox, the imports, init()."
WORKING: Final = "From its first event to its end."
SILENT: Final = "In the sandbox. It has said nothing that would tell its start from its work."
STORING: Final = "What its worker did outside the sandbox: its files laid out, its end stored."


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
        ("Took", tags.duration(run.wall_seconds)),
        ("CPU time", tags.duration(run.cpu_seconds)),
        ("Peak memory", tags.size(run.peak_memory_bytes)),
        ("Worker", f"{run.worker_host}:{run.worker_pid}"),
        ("Events", str(run.event_count)),
        ("Error", run.error_message),
        ("Result", _json(run.result)),
    ]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _phases(run: Run) -> list[dict[str, Any]]:
    """Queued, start, run, store: how long each took, and where the run is now.

    The record tells when the run was claimed and when its end was stored, the sandbox how long it
    had the run, and the first event when the plugin was at work. Of a run that says nothing, start
    and run cannot be told apart.
    """
    waited, inside, outside = _seconds(run)
    said = run.events.filter(seq=1).values_list("at", flat=True).first()
    is_running = run.status == RunStatus.RUNNING
    if said is None or run.started_at is None or inside is None:
        working = [_phase("start and run", inside, SILENT, is_now=is_running)]
    else:
        start = min(max(0.0, (said - run.started_at).total_seconds()), inside)
        working = [
            _phase("start", start, STARTING),
            _phase("run", inside - start, WORKING, is_now=is_running),
        ]
    return [
        _phase("queued", waited, WAITING, is_now=run.status == RunStatus.QUEUED),
        *working,
        _phase("store", outside, STORING),
    ]


def _seconds(run: Run) -> tuple[float, float | None, float | None]:
    """How long it waited, was in the sandbox, and was handled by its worker around that."""
    now = timezone.now()
    started, finished = run.started_at, run.finished_at
    waited = ((started or finished or now) - run.queued_at).total_seconds()
    if started is None:
        return waited, None, None
    held = ((finished or now) - started).total_seconds()
    if run.wall_seconds is None:
        return waited, held, None
    return waited, run.wall_seconds, max(0.0, held - run.wall_seconds)


def _phase(name: str, seconds: float | None, what: str, *, is_now: bool = False) -> dict[str, Any]:
    return {"name": name, "seconds": seconds, "what": what, "is_now": is_now}


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
