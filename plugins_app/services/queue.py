"""Hints to the workers, as django-q2 tasks. A task says "there may be work", never what is true.

The task's row commits with what it tells of. It may be late, doubled or lost all the same: a worker
that finds nothing to do drops it, and the reaper asks again for what waits too long.
"""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from plugins_app import hints
from plugins_app.models import Plugin, Run, Worker

DEFAULT_QUEUE: Final = "default"
GPU_QUEUE: Final = "gpu"
# A task is only a hint: one that was taken this long ago has served, whatever became of its taker.
STALE_AFTER: Final = timedelta(minutes=10)


def enqueue_run(*, run: Run) -> None:
    _enqueue("plugins_app.tasks.execute_run", str(run.pk), queue=run.queue)


def enqueue_load(*, plugin: Plugin) -> None:
    _enqueue("plugins_app.tasks.load_plugin", plugin.name, queue=load_queue(plugin.manifest))


def run_queue(manifest: dict[str, Any]) -> str:
    """Return the queue whose workers can run a plugin of this manifest."""
    return GPU_QUEUE if _needs_gpu(manifest) else DEFAULT_QUEUE


def load_queue(manifest: dict[str, Any]) -> str:
    """Return the queue to load by: where no worker sees a GPU, any may say that there is none."""
    if _needs_gpu(manifest) and is_served(GPU_QUEUE):
        return GPU_QUEUE
    return DEFAULT_QUEUE


def is_served(queue: str) -> bool:
    return any(
        queue in queues for queues in Worker.objects.alive().values_list("queues", flat=True)
    )


def has_waiting(queue: str) -> bool:
    """True when a task of QUEUE is there for the taking."""
    return OrmQ.objects.filter(key=queue, lock__lte=timezone.now()).exists()


def waiting_seconds(queue: str) -> float:
    """Return how long the oldest task of QUEUE has been there for the taking; 0 without one."""
    # Nobody has taken it yet: its lock is still the moment it was put there.
    free = OrmQ.objects.filter(key=queue, lock__lte=timezone.now()).order_by("lock")
    oldest = free.values_list("lock", flat=True).first()
    return (timezone.now() - oldest).total_seconds() if oldest else 0.0


def forget_stale() -> int:
    """Delete tasks whose taker is long done, or dead; return how many."""
    # The lock is the moment of taking plus `retry`.
    taken_before = timezone.now() - STALE_AFTER
    limit = taken_before + timedelta(seconds=settings.Q_CLUSTER["retry"])
    deleted, _by_model = OrmQ.objects.filter(lock__gt=timezone.now(), lock__lt=limit).delete()
    return deleted


def _enqueue(function: str, argument: str, *, queue: str) -> None:
    async_task(function, argument, cluster=queue)
    hints.ring()


def _needs_gpu(manifest: dict[str, Any]) -> bool:
    return bool(manifest.get("requires", {}).get("gpu"))
