"""A run on its worker: claim it, have the sandbox run it, store how it ended.

The claim is a guarded update of the run's row, so whatever the broker hands out twice or late, a run
executes at most once. From the claim to the final status the run is leased to its worker: should it
be declared lost meanwhile, nothing this worker says about it counts any more.
"""

import logging
import os
from collections.abc import Callable
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

import sandbox
from plugins_app import hints, processes
from plugins_app.actors import PLATFORM
from plugins_app.errors import LeaseLost
from plugins_app.lifecycle import Action, RunStatus, State
from plugins_app.limits import EffectiveLimits, effective_limits
from plugins_app.models import Plugin, Run
from plugins_app.services import audit, files, runs, sandboxing, transitions
from plugins_app.services.ending import Ending, end_run
from plugins_app.services.relay import Relay

logger = logging.getLogger(__name__)

ShouldStop = Callable[[], str | None]


def execute_run(*, run_id: str, worker_id: UUID, should_stop: ShouldStop) -> None:
    """Execute the run if it can start now; return at once when it cannot or someone else has it.

    SHOULD_STOP is asked about ten times a second: the reason it returns cancels the run.
    """
    run = claim(run_id=run_id, worker_id=worker_id)
    if run is None:
        return
    logger.info("run started", extra={"action": "run_started", "run": str(run.pk)})
    try:
        ending = _guarded(run, worker_id, should_stop)
        end_run(run=run, worker_id=worker_id, ending=ending)
    except DatabaseError:
        # Alive, this process would hold a run that it no longer executes; dead, it is found out.
        logger.critical(
            "the end of run %s cannot be stored: this worker gives up", run.pk, exc_info=True
        )
        raise SystemExit(os.EX_UNAVAILABLE) from None
    except LeaseLost:
        logger.warning(
            "run %s is no longer this worker's; its end is not stored",
            run.pk,
            extra={"action": "lease_lost", "run": str(run.pk)},
        )
    finally:
        files.remove_scratch(run_id=run.pk)


def claim(*, run_id: str, worker_id: UUID) -> Run | None:
    """Make the run this worker's, its limits frozen into it; None when it is not to be started."""
    with transaction.atomic():
        run = Run.objects.queued().filter(pk=run_id).only("plugin_id").first()
        if run is None:
            return None
        plugin = Plugin.objects.locked(pk=run.plugin_id)
        if not plugin.accepts_runs:
            return _end_for_want_of_service(run, plugin)
        limits = effective_limits(plugin)
        is_full = plugin.runs.running().count() >= limits.max_concurrent_runs.value
        if plugin.state == State.LOADED or is_full:
            return None  # whoever makes room, or finishes loading, asks for it again
        claimed = (
            Run.objects.queued()
            .filter(pk=run_id)
            .update(
                status=RunStatus.RUNNING,
                started_at=timezone.now(),
                plugin_version=plugin.version,
                limits=limits.to_json(),
                worker_id=worker_id,
                worker_host=processes.HOST,
                worker_pid=os.getpid(),
            )
        )
        if not claimed:
            return None
        _mark_running(plugin, run)
    return Run.objects.select_related("plugin").get(pk=run_id)


def lose_run(*, run_id: UUID, reason: str) -> bool:
    """End a running run whose worker is gone; False when it has ended in the meantime."""
    run = Run.objects.select_related("plugin").filter(pk=run_id).first()
    if run is None or run.worker_id is None:
        return False
    ending = Ending(
        status=RunStatus.LOST,
        error_code="lost",
        error_message=f"{reason}. What the run had said until then is kept; start it anew if need be",
    )
    try:
        end_run(run=run, worker_id=run.worker_id, ending=ending)
    except LeaseLost:
        return False
    return True


def _mark_running(plugin: Plugin, run: Run) -> None:
    if plugin.state == State.INITIALIZED:
        transitions.apply(
            plugin=plugin,
            action=Action.START_RUNNING,
            actor=PLATFORM,
            code="run_started",
            reason="Its first active run started.",
            run_id=run.pk,
        )
    hints.ring()


def _end_for_want_of_service(run: Run, plugin: Plugin) -> None:
    reason = f"its plugin left service: {plugin.refusal}"
    runs.end_queued(runs=[run], reason=reason)
    audit.record(actor=PLATFORM, action="run.cancelled", object=f"run:{run.pk}", reason=reason)


def _guarded(run: Run, worker_id: UUID, should_stop: ShouldStop) -> Ending:
    """Run it in the sandbox; whatever goes wrong on our own side becomes an ending too."""
    relay = Relay(run=run, worker_id=worker_id, should_stop=should_stop)
    try:
        return _run_in_sandbox(run, relay)
    except (LeaseLost, DatabaseError):
        raise
    except files.InputGone as error:
        return Ending(
            status=RunStatus.REJECTED, error_code="upload_missing", error_message=str(error)
        )
    except Exception as error:
        logger.exception(
            "the sandbox failed in its own work",
            extra={"action": "sandbox_error", "run": str(run.pk)},
        )
        return Ending(
            status=RunStatus.FAILED,
            error_code="sandbox_error",
            error_message=f"The platform, not the plugin, failed: {error}. The plugin stays in "
            "service; run `manage.py doctor` and look at the worker's log, then run it again",
        )


def _run_in_sandbox(run: Run, relay: Relay) -> Ending:
    scratch = files.scratch_of(run_id=run.pk)
    task = sandbox.Task(
        plugin=sandboxing.source_of(run.plugin),
        tool=run.tool,
        input=run.input,
        files=files.inputs_of(run=run, scratch=scratch),
        limits=sandboxing.limits_of(EffectiveLimits.from_json(run.limits)),
        label=str(run.pk),
    )
    report = sandboxing.run(
        task,
        scratch=scratch,
        on_events=relay.store,
        on_preview=relay.preview,
        cancelled=relay.cancelled,
    )
    return Ending.of(report, artifacts=files.keep_artifacts(run=run, artifacts=report.artifacts))
