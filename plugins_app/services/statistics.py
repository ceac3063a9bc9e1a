"""What the console's pages count. Read-only; every query is bounded, whatever the table's size."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncHour
from django.utils import timezone

from plugins_app import registry
from plugins_app.lifecycle import PLUGIN_FAILURES, State
from plugins_app.models import Run, Worker

DAY: Final = timedelta(hours=24)
MOST_DURATIONS: Final = 2_000
IN_A_SPARKLINE: Final = 30


@dataclass(frozen=True, kw_only=True)
class Hour:
    at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Queue:
    queued: int
    running: int
    oldest: datetime | None


@dataclass(frozen=True, kw_only=True)
class Recent:
    """One plugin's newest runs, oldest first: (status, wall seconds, peak bytes, id) each."""

    runs: Sequence[tuple[str, float | None, int | None, UUID]]
    failures: int

    @property
    def p95(self) -> float | None:
        return percentile([wall for _status, wall, *_ in self.runs if wall is not None], 95)

    @property
    def peak_bytes(self) -> int | None:
        return max((peak for *_, peak, _id in self.runs if peak is not None), default=None)


def first_id(since: datetime) -> UUID:
    """The smallest UUIDv7 of that moment: runs are found by time through their primary key."""
    return UUID(int=int(since.timestamp() * 1000) << 80)


def moment_of(run_id: UUID) -> datetime:
    """When the run was asked for, to the millisecond: its id begins with it."""
    return datetime.fromtimestamp((run_id.int >> 80) / 1000, tz=UTC)


def plugins_by_state() -> dict[State, int]:
    counts = Counter(plugin.state for plugin in registry.all())
    return {state: counts[state] for state in State}


def runs_by_hour(*, hours: int = 24) -> list[Hour]:
    """The last HOURS hours, oldest first, empty ones included."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    start = now - timedelta(hours=hours - 1)
    rows = (
        Run.objects.filter(pk__gte=first_id(start))
        .annotate(hour=TruncHour("queued_at"))
        .values_list("hour", "status")
        .annotate(Count("pk"))
        .order_by()
    )
    counts: dict[datetime, dict[str, int]] = defaultdict(dict)
    for hour, status, count in rows:
        counts[hour][status] = count
    moments = [start + timedelta(hours=n) for n in range(hours)]
    return [Hour(at=at, counts=counts.get(at, {})) for at in moments]


def durations() -> list[float]:
    """Wall seconds of the newest ended runs of the last day."""
    since = first_id(timezone.now() - DAY)
    recent = Run.objects.filter(pk__gte=since, wall_seconds__isnull=False).order_by("-pk")
    return list(recent.values_list("wall_seconds", flat=True)[:MOST_DURATIONS])


def percentile(values: Iterable[float], percent: int) -> float | None:
    """Return the nearest-rank percentile; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def queue() -> Queue:
    oldest = Run.objects.queued().order_by("pk").values_list("queued_at", flat=True).first()
    return Queue(
        queued=Run.objects.queued().count(),
        running=Run.objects.running().count(),
        oldest=oldest,
    )


def failures(*, most: int = 6) -> list[Run]:
    """The newest runs of the last day that failed their plugin."""
    since = first_id(timezone.now() - DAY)
    found = Run.objects.brief().filter(pk__gte=since, status__in=PLUGIN_FAILURES)
    return list(
        found.defer("result", "input", "log_tail", "error_traceback").order_by("-pk")[:most]
    )


def living_workers() -> list[Worker]:
    return list(Worker.objects.alive())


def recent_by_plugin(*, plugins: Iterable[int]) -> dict[int, Recent]:
    """What the lists draw of each of PLUGINS (ids) that has runs: two queries, however many."""
    newest = [_newest_of(plugin) for plugin in plugins]
    if not newest:
        return {}
    runs: dict[int, list[Any]] = defaultdict(list)
    for plugin, *facts in newest[0].union(*newest[1:], all=True):
        runs[plugin].append(tuple(facts))
    failed = _failures_by_plugin(runs)
    return {
        plugin: Recent(runs=sorted(found, key=itemgetter(-1)), failures=failed.get(plugin, 0))
        for plugin, found in runs.items()
    }


def _newest_of(plugin: int) -> QuerySet[Any]:
    # SQLite takes no LIMIT in a part of a union, but one a level below.
    ids = Run.objects.filter(plugin=plugin).order_by("-pk").values("pk")[:IN_A_SPARKLINE]
    fields = ("plugin_id", "status", "wall_seconds", "peak_memory_bytes", "pk")
    return Run.objects.filter(pk__in=ids).order_by().values_list(*fields)


def _failures_by_plugin(plugins: Iterable[int]) -> dict[int, int]:
    """Each plugin's failures of the last day."""
    since = first_id(timezone.now() - DAY)
    failed = Run.objects.filter(pk__gte=since, status__in=PLUGIN_FAILURES, plugin__in=plugins)
    return dict(failed.order_by().values_list("plugin").annotate(Count("pk")))


def last_success(*, run: Run) -> Run | None:
    """The newest other run of the same tool that succeeded."""
    same = Run.objects.filter(plugin=run.plugin_id, tool=run.tool, status="succeeded")
    return same.exclude(pk=run.pk).select_related("plugin").first()


def is_silent(*, worker: Worker) -> bool:
    """Whether WORKER has missed its heartbeats."""
    silence = settings.HEARTBEAT_SECONDS * settings.MISSED_HEARTBEATS
    return worker.heartbeat_at < timezone.now() - timedelta(seconds=silence)
