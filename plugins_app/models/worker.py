"""Worker processes, as they announce themselves."""

import uuid

from django.db import models
from django.utils import timezone

from plugins_app.querysets import WorkerQuerySet


class Worker(models.Model):
    """One worker process: a fresh id per process, so a reused pid is never mistaken for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    process_started = models.FloatField(help_text="Unix time; tells a pid from its reuse.")
    namespace = models.CharField(
        max_length=64, blank=True, help_text="Of its pid: containers may share a host name."
    )
    queues = models.JSONField(default=list)
    guards = models.JSONField(default=list)
    gpu = models.JSONField(default=dict)
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now, db_index=True)
    stopped_at = models.DateTimeField(null=True)

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ("host", "pid")

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
