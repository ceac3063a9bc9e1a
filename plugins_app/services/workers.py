"""Workers come, show that they live, and go; what the dead ones held is settled here.

A worker of this machine whose process is gone is found at once. One on another machine, or one that
hangs, is gone when it has missed three heartbeats. Settling is guarded step by step, so any number
of reapers may do it at once, and one that dies half-way leaves the rest to the next.
"""

import logging
import os
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.utils import timezone

import sandbox
from plugins_app import processes
from plugins_app.errors import BulkheadError
from plugins_app.models import Plugin, Run, Worker
from plugins_app.services import catalog, execution, files, queue, runs
from plugins_app.services.catalog.loading import label_of

logger = logging.getLogger(__name__)

REMEMBERED: Final = timedelta(days=7)
NOBODY: Final = UUID(int=0)


class GuardsMissing(BulkheadError):
    """This machine does not enforce every guard that BULKHEAD_REQUIRE_GUARDS names."""

    code = "guards_missing"


@dataclass(frozen=True, kw_only=True)
class Reaped:
    """How much one look at the dead settled."""

    workers: int = 0
    runs: int = 0
    loads: int = 0
    asked_again: int = 0


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How many of some workers are alive, and how many of those have nothing to do."""

    alive: int
    idle: int


def register_worker(*, queues: Iterable[str]) -> Worker:
    """Announce this process, under an id that no other process ever had."""
    pid = os.getpid()
    # Runs keep the host and pid of theirs.
    Worker.objects.filter(stopped_at__lt=timezone.now() - REMEMBERED).delete()
    return Worker.objects.create(
        host=processes.HOST,
        namespace=processes.namespace(),
        pid=pid,
        process_started=processes.started(pid),
        queues=list(queues),
    )


def beat(*, worker_id: UUID) -> bool:
    """Show that the worker lives; False when it has been declared gone, and holds nothing any more."""
    alive = Worker.objects.filter(pk=worker_id, stopped_at=None)
    return bool(alive.update(heartbeat_at=timezone.now()))


def describe(*, worker_id: UUID) -> bool:
    """Write down what this machine enforces and what GPUs it has; False when it is yet to be done.

    The trying takes a while, so that the oldest worker of a machine does it, and the others copy.
    """
    worker = Worker.objects.get(pk=worker_id)
    siblings = _of_this_machine().exclude(pk=worker_id).order_by("started_at")
    known = next((sibling for sibling in siblings if sibling.guards), None)
    if known is not None:
        facts = {"guards": known.guards, "gpu": known.gpu}
    elif siblings.filter(started_at__lt=worker.started_at).exists():
        return False
    else:
        facts = {"guards": _guards(), "gpu": sandbox.gpu_facts()}
    return bool(Worker.objects.filter(pk=worker_id).update(**facts))


def say_goodbye(*, worker_id: UUID) -> None:
    """Leave in good order. What the worker holds all the same is settled as a dead one's."""
    worker = Worker.objects.filter(pk=worker_id, stopped_at=None).first()
    if worker is not None:
        _settle(worker, "Its worker stopped in the middle of it")


def reap(*, trust_silence: bool = True) -> Reaped:
    """Settle what dead workers held, and ask again for what waits without a task.

    Without TRUST_SILENCE only processes that are known to be dead count: who could not reach the
    database himself cannot tell who else was silent.
    """
    dead = list(_dead(trust_silence=trust_silence))
    settled = [_settle(worker, reason) for worker, reason in dead]
    queue.forget_stale()
    return Reaped(
        workers=len(dead),
        runs=sum(lost_runs for lost_runs, _ in settled) + _lose_ownerless_runs(),
        loads=sum(lost_loads for _, lost_loads in settled),
        asked_again=runs.requeue_waiting() + catalog.request_waiting_loads(),
    )


def require_guards() -> None:
    """Raise GuardsMissing unless this machine enforces what BULKHEAD_REQUIRE_GUARDS names."""
    if not settings.REQUIRED_GUARDS:
        return
    try:
        missing = sandbox.missing_guards(settings.REQUIRED_GUARDS)
    except ValueError as error:
        raise GuardsMissing(f"BULKHEAD_REQUIRE_GUARDS names what is no guard: {error}.") from None
    if missing:
        each = "; ".join(f"{guard.name} is {guard.state} ({guard.why})" for guard in missing)
        raise GuardsMissing(
            f"No worker starts here: {each}. `manage.py doctor` says how to mend it; or take the "
            "names out of BULKHEAD_REQUIRE_GUARDS."
        )


def has_usable_gpu() -> bool:
    """Ask the driver and torch; takes seconds where there is a trace of a GPU."""
    return sandbox.gpu_facts()["problem"] is None


def silent_pids(*, pids: Collection[int]) -> list[int]:
    """Return those of this machine's PIDS that are there, but whose worker missed its heartbeats."""
    gone = Worker.objects.gone().filter(
        host=processes.HOST, namespace=processes.namespace(), pid__in=pids
    )
    return [
        worker.pid for worker in gone if processes.is_running(worker.pid, worker.process_started)
    ]


def seconds_to_write() -> float:
    """Return how long a heartbeat written now has to wait for its turn."""
    asked_at = time.monotonic()
    Worker.objects.filter(pk=NOBODY).update(heartbeat_at=timezone.now())
    return time.monotonic() - asked_at


def standing(*, pids: Collection[int]) -> Standing:
    """Return how it stands with the workers among this machine's PIDS."""
    ours = set(_of_this_machine().filter(pid__in=pids).values_list("pk", flat=True))
    running = Run.objects.running().filter(worker__in=ours).values_list("worker", flat=True)
    loading = Plugin.objects.waiting_to_load().filter(loading_worker__in=ours)
    busy = {*running, *loading.values_list("loading_worker", flat=True)}
    return Standing(alive=len(ours), idle=len(ours - busy))


def _of_this_machine() -> Any:
    return Worker.objects.alive().filter(host=processes.HOST, namespace=processes.namespace())


def _is_here(worker: Worker) -> bool:
    """True when WORKER's pid means something to this process."""
    return (worker.host, worker.namespace) == (processes.HOST, processes.namespace())


def _guards() -> list[dict[str, Any]]:
    try:
        return [asdict(guard) for guard in sandbox.guards()]
    except sandbox.SandboxError as error:
        logger.error("the guards cannot be tried: %s", error, extra={"action": "sandbox_error"})  # noqa: TRY400
        return [{"name": "sandbox", "state": "absent", "how": "", "why": str(error)}]


def _dead(*, trust_silence: bool) -> Iterator[tuple[Worker, str]]:
    silence = settings.HEARTBEAT_SECONDS * settings.MISSED_HEARTBEATS
    gone = set(Worker.objects.gone().values_list("pk", flat=True)) if trust_silence else set()
    for worker in Worker.objects.filter(stopped_at=None):
        if _is_here(worker) and not processes.is_running(worker.pid, worker.process_started):
            yield worker, f"Its worker (pid {worker.pid} on {worker.host}) died"
        elif worker.pk in gone:
            words = f"has been silent for {silence} s"
            yield worker, f"Its worker (pid {worker.pid} on {worker.host}) {words}"


def _settle(worker: Worker, reason: str) -> tuple[int, int]:
    """Lose what WORKER holds, then mark it stopped; return how many runs and loads that were."""
    held = Run.objects.held_by(worker.pk).only("pk")
    lost_runs = sum(_lose_run(run.pk, worker, reason) for run in held)
    loads = list(Plugin.objects.waiting_to_load().filter(loading_worker=worker.pk))
    for plugin in loads:
        _sweep(label_of(plugin.name), worker)
        catalog.lose_load(name=plugin.name, worker_id=worker.pk, reason=f"{reason}.")
    if lost_runs or loads:
        logger.error("%s; runs lost: %d", reason, lost_runs, extra={"action": "worker_gone"})
    # Last: until then another reaper finds what is left, should this one die here.
    Worker.objects.filter(pk=worker.pk, stopped_at=None).update(stopped_at=timezone.now())
    return lost_runs, len(loads)


def _lose_run(run_id: UUID, worker: Worker, reason: str) -> bool:
    _sweep(str(run_id), worker)
    is_lost = execution.lose_run(run_id=run_id, reason=reason)
    if _is_here(worker):
        files.remove_scratch(run_id=run_id)
    return is_lost


def _lose_ownerless_runs() -> int:
    """Lose runs that were claimed in the very moment their worker was declared gone."""
    held = Run.objects.running().filter(worker__stopped_at__isnull=False).select_related("worker")
    reason = "Its worker was declared gone"
    return sum(_lose_run(run.pk, run.worker, reason) for run in held if run.worker)


def _sweep(label: str, worker: Worker) -> None:
    """Kill what is left of a dead worker's plugin code, where it ran on this machine."""
    if not _is_here(worker):
        return
    try:
        sandbox.sweep(label)
    except sandbox.SandboxError as error:
        logger.critical("%s", error, extra={"action": "sandbox_error"})
