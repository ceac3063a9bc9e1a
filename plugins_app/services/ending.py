"""The end of a run: one transaction for its final status, the counters, its plugin and the audit."""

import logging
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import UUID

from django.db import transaction
from django.utils import timezone

import sandbox
from plugins_app import hints
from plugins_app.actors import PLATFORM
from plugins_app.errors import LeaseLost
from plugins_app.lifecycle import Action, RunStatus, State
from plugins_app.limits import effective_limits
from plugins_app.models import Artifact, Plugin, Run
from plugins_app.services import audit, catalog, events, files, runs, transitions
from plugins_app.services.insistence import insist

logger = logging.getLogger(__name__)

RECENT_RUNS: Final = 10
SANDBOX_ERROR: Final = "sandbox_error"
# Neither tells how long the tool takes.
UNTIMED: Final = frozenset({RunStatus.CANCELLED, RunStatus.LOST})


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a run ended, as its record will tell it."""

    status: RunStatus
    result: Any = None
    error_code: str = ""
    error_message: str = ""
    error_traceback: str = ""
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    exit_code: int | None = None
    signal: str = ""
    log_tail: str = ""
    guards: tuple[sandbox.Guard, ...] = ()
    artifacts: tuple[Artifact, ...] = ()

    @classmethod
    def of(cls, report: sandbox.Report, *, artifacts: tuple[Artifact, ...]) -> Self:
        problem = report.problem or sandbox.Problem(code="", message="")
        return cls(
            status=RunStatus(report.status),
            result=report.result,
            error_code=problem.code,
            error_message=problem.message,
            error_traceback=problem.traceback,
            wall_seconds=report.wall_seconds,
            cpu_seconds=report.cpu_seconds,
            peak_memory_bytes=report.peak_memory_bytes,
            exit_code=report.exit_code,
            signal=report.signal or "",
            log_tail=report.log_tail,
            guards=report.guards,
            artifacts=artifacts,
        )

    @property
    def fails_plugin(self) -> bool:
        """The platform's own fault is never the plugin's."""
        return self.status.fails_plugin and self.error_code != SANDBOX_ERROR


def end_run(*, run: Run, worker_id: UUID, ending: Ending) -> None:
    """Store ENDING. Raises LeaseLost, with nothing stored, when the run is not this worker's."""
    try:
        insist(lambda: _store(run, worker_id, ending))
    except BaseException:
        files.discard(ending.artifacts)
        raise
    logger.info(
        "run %s",
        ending.status,
        extra={"action": "run_finished", "run": str(run.pk), "status": ending.status},
    )


def _store(run: Run, worker_id: UUID, ending: Ending) -> None:
    with transaction.atomic():
        plugin = Plugin.objects.locked(pk=run.plugin_id)
        if not Run.objects.held_by(worker_id).filter(pk=run.pk).update(**_fields(run, ending)):
            if _is_stored(run, worker_id, ending):
                return
            raise LeaseLost
        Artifact.objects.bulk_create(ending.artifacts)
        events.drop_preview(run_id=run.pk)
        _settle_plugin(plugin, run, ending)
        after = {"status": ending.status, "code": ending.error_code}
        audit.record(actor=PLATFORM, action="run.finished", object=f"run:{run.pk}", after=after)
        hints.ring()


def _is_stored(run: Run, worker_id: UUID, ending: Ending) -> bool:
    """True when an earlier try was committed, and only word of it was lost with the connection."""
    if ending.status == RunStatus.LOST:
        return False
    return Run.objects.filter(pk=run.pk, worker=worker_id, status=ending.status).exists()


def _fields(run: Run, ending: Ending) -> dict[str, Any]:
    now = timezone.now()
    wall = ending.wall_seconds
    if wall is None and run.started_at is not None:
        wall = (now - run.started_at).total_seconds()
    return {
        "status": ending.status,
        "finished_at": now,
        "result": ending.result,
        "error_code": ending.error_code,
        "error_message": ending.error_message,
        "error_traceback": ending.error_traceback,
        "wall_seconds": wall,
        "cpu_seconds": ending.cpu_seconds,
        "peak_memory_bytes": ending.peak_memory_bytes,
        "exit_code": ending.exit_code,
        "signal": ending.signal,
        "log_tail": ending.log_tail,
        "guards": [
            {"name": guard.name, "state": guard.state, "how": guard.how, "why": guard.why}
            for guard in ending.guards
        ],
    }


def _settle_plugin(plugin: Plugin, run: Run, ending: Ending) -> None:
    """Count the run, and move its plugin where the run's end calls for it."""
    was_full = _was_full(plugin)
    counters = _counters(plugin, ending)
    if ending.fails_plugin and State(plugin.state).in_service:
        _fail(plugin, run, ending, counters)
    elif plugin.state == State.RUNNING and not plugin.runs.running().exists():
        _rest(plugin, run, counters)
    else:
        transitions.touch(plugin=plugin, **counters)
    if was_full and plugin.accepts_runs:
        runs.wake_queued(plugin=plugin, most=1)


def _was_full(plugin: Plugin) -> bool:
    # This run has just ended: it counted until now.
    running = plugin.runs.running().count() + 1
    return running >= effective_limits(plugin).max_concurrent_runs.value


def _counters(plugin: Plugin, ending: Ending) -> dict[str, Any]:
    counters: dict[str, Any] = {"last_used_at": timezone.now()}
    if ending.status == RunStatus.SUCCEEDED:
        counters["success_count"] = plugin.success_count + 1
    elif ending.fails_plugin:
        counters["error_count"] = plugin.error_count + 1
    if ending.wall_seconds is not None and ending.status not in UNTIMED:
        recent = [*plugin.recent_milliseconds, round(ending.wall_seconds * 1000, 1)]
        counters["recent_milliseconds"] = recent[-RECENT_RUNS:]
    return counters


def _fail(plugin: Plugin, run: Run, ending: Ending, counters: dict[str, Any]) -> None:
    transitions.apply(
        plugin=plugin,
        action=Action.FAIL,
        actor=PLATFORM,
        code=ending.status,
        reason=f"A run of {run.tool} ended {ending.status}: {ending.error_message}",
        traceback=ending.error_traceback,
        run_id=run.pk,
        changes=counters,
    )
    runs.end_all_queued(plugin=plugin, reason=f"its plugin left service: run {run.pk} failed it")


def _rest(plugin: Plugin, run: Run, counters: dict[str, Any]) -> None:
    transitions.apply(
        plugin=plugin,
        action=Action.FINISH_RUNNING,
        actor=PLATFORM,
        code="run_finished",
        reason="Its last active run ended.",
        run_id=run.pk,
        changes=counters,
    )
    if plugin.load_requested_at is not None:
        catalog.reload_upgraded(plugin=plugin)
