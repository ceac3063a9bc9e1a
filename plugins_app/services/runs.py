"""Asking for runs and calling them off. What happens on a worker is in `execution`."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from plugins_app import hints, registry
from plugins_app.actors import PLATFORM, Actor
from plugins_app.errors import AlreadyFinal, NotFound, PluginNotReady
from plugins_app.lifecycle import RunStatus, Via
from plugins_app.models import Plugin, Run
from plugins_app.registry.snapshot import PluginSnapshot
from plugins_app.services import audit, inputs, queue
from plugins_app.services.idempotency import Once

MOST_REQUEUED: Final = 100
OVERDUE_AFTER: Final = timedelta(seconds=5)


def start_run(
    *,
    plugin: str,
    tool: str,
    input: Mapping[str, Any],
    actor: Actor,
    via: Via,
    rerun_of: Run | None = None,
    once: Once | None = None,
) -> Run:
    """Queue a run of TOOL and return it. Nothing is queued when anything is wrong.

    Raises NotFound for an unknown plugin or tool, PluginNotReady with the reason, InvalidInput with
    a fault per place of the input; with ONCE, AlreadyDone when that request has its run already.
    """
    snapshot = _plugin(plugin)
    if not snapshot.accepts_runs:
        raise PluginNotReady(snapshot.refusal)
    files = inputs.check(tool=_tool(snapshot, tool), input=input)
    run = Run(
        plugin_id=snapshot.id,
        plugin_version=snapshot.version,
        tool=tool,
        input=dict(input),
        files=files,
        queue=queue.run_queue(snapshot.manifest),
        actor=actor.name[:200],
        user_id=actor.user_id,
        via=via,
        limits=snapshot.limits.to_json(),
        rerun_of=rerun_of.pk if rerun_of else None,
    )
    with transaction.atomic():
        _refuse_if_out_of_service(snapshot.name)
        run.save(force_insert=True)
        if once:
            once.claim(made=run.pk)
        after = {"plugin": snapshot.name, "tool": tool, "via": via, "rerun_of": run.rerun_of}
        audit.record(actor=actor, action="run.started", object=f"run:{run.pk}", after=after)
        queue.enqueue_run(run=run)
    return run


def rerun(*, run: Run, actor: Actor, via: Via, once: Once | None = None) -> Run:
    """Queue the same call again, on the plugin as it is now. Raises what `start_run` raises."""
    return start_run(
        plugin=run.plugin.name,
        tool=run.tool,
        input=run.input,
        actor=actor,
        via=via,
        rerun_of=run,
        once=once,
    )


def cancel_run(*, run: Run, actor: Actor, reason: str = "") -> Run:
    """Call a run off: a queued one ends at once, a running one when its worker has killed it.

    Asking twice for a running one changes nothing. Raises AlreadyFinal when it has ended.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
        if RunStatus(run.status).is_final:
            raise AlreadyFinal(f"The run has ended: it is {run.status}, and that never changes.")
        words = f"cancelled by {actor.name}" + (f": {reason}" if reason else "")
        if run.status == RunStatus.QUEUED:
            end_queued(runs=[run], reason=words)
        elif run.cancel_requested_at is None:
            run.cancel_requested_at, run.cancel_reason = timezone.now(), words
            run.save(update_fields=["cancel_requested_at", "cancel_reason"])
        audit.record(
            actor=actor, action="run.cancelled", object=f"run:{run.pk}", reason=reason or words
        )
        hints.ring()
    run.refresh_from_db()
    return run


def end_queued(*, runs: Iterable[Run], reason: str) -> None:
    """End queued RUNS as cancelled. Only inside a transaction that says why."""
    Run.objects.queued().filter(pk__in=[run.pk for run in runs]).update(
        status=RunStatus.CANCELLED,
        finished_at=timezone.now(),
        cancel_reason=reason,
        error_code="cancelled",
        error_message=reason,
    )
    hints.ring()


def end_all_queued(*, plugin: Plugin, reason: str) -> None:
    """End every queued run of a plugin that leaves service. Only inside its transition."""
    end_queued(runs=plugin.runs.queued().only("pk"), reason=reason)


def wake_queued(*, plugin: Plugin, most: int = MOST_REQUEUED) -> int:
    """Ask the workers again for PLUGIN's queued runs, oldest first; return how many."""
    waiting = list(Run.objects.startable().filter(plugin=plugin)[:most])
    for run in waiting:
        queue.enqueue_run(run=run)
    return len(waiting)


def requeue_waiting() -> int:
    """Ask again for queued runs whose task may be lost; return how many. A run too many is a no-op."""
    overdue = Run.objects.startable().filter(queued_at__lt=timezone.now() - OVERDUE_AFTER)
    asked = 0
    for name in (queue.DEFAULT_QUEUE, queue.GPU_QUEUE):
        if not queue.has_waiting(name):
            for run in overdue.filter(queue=name)[:MOST_REQUEUED]:
                queue.enqueue_run(run=run)
                asked += 1
    _end_stranded()
    return asked


def _end_stranded() -> None:
    """End runs that were queued in the very moment their plugin left service."""
    stranded = Run.objects.stranded()
    if not stranded.exists():
        return
    with transaction.atomic():
        runs = list(stranded[:MOST_REQUEUED])
        end_queued(runs=runs, reason="its plugin left service")
        for run in runs:
            audit.record(
                actor=PLATFORM,
                action="run.cancelled",
                object=f"run:{run.pk}",
                reason="its plugin left service",
            )


def _plugin(name: str) -> PluginSnapshot:
    snapshot = registry.get(name)
    if snapshot is None:
        raise NotFound(f"There is no plugin named {name!r}.")
    return snapshot


def _tool(snapshot: PluginSnapshot, name: str) -> Mapping[str, Any]:
    tool = snapshot.tool(name)
    if tool is None:
        known = ", ".join(tool["name"] for tool in snapshot.tools)
        raise NotFound(
            f"The plugin {snapshot.name!r} has no tool {name!r}; it has: {known or 'none yet'}."
        )
    return tool


def _refuse_if_out_of_service(name: str) -> None:
    # The snapshot may be a moment old; what is committed now decides.
    plugin = Plugin.objects.defer("manifest", "traceback").get(name=name)
    if not plugin.accepts_runs:
        raise PluginNotReady(plugin.refusal)
