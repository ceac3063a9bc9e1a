"""A run and what it leaves: events, artifacts, the newest preview."""

import uuid6
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from plugins_app.lifecycle import ACTIVE, RunStatus, Via
from plugins_app.querysets import RunEventQuerySet, RunQuerySet


class Run(models.Model):
    """One call of one tool. Ids are UUIDv7, so they sort by time of asking."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    plugin = models.ForeignKey("plugins_app.Plugin", on_delete=models.PROTECT, related_name="runs")
    plugin_version = models.CharField(max_length=64)
    tool = models.CharField(max_length=100)
    status = models.CharField(
        max_length=16, choices=[(s, s) for s in RunStatus], default=RunStatus.QUEUED
    )
    input = models.JSONField(default=dict)
    files = models.JSONField(default=list, help_text="field, upload, name, size, sha256 of each.")
    queue = models.CharField(max_length=32, default="default")
    rerun_of = models.UUIDField(null=True)

    actor = models.CharField(max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    via = models.CharField(max_length=16, choices=[(v, v) for v in Via])

    limits = models.JSONField(default=dict)
    guards = models.JSONField(default=list)
    worker = models.ForeignKey(
        "plugins_app.Worker", null=True, on_delete=models.SET_NULL, related_name="runs"
    )
    worker_host = models.CharField(max_length=255, blank=True)
    worker_pid = models.PositiveIntegerField(null=True)

    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_reason = models.TextField(blank=True)

    wall_seconds = models.FloatField(null=True)
    cpu_seconds = models.FloatField(null=True)
    peak_memory_bytes = models.PositiveBigIntegerField(null=True)
    exit_code = models.IntegerField(null=True)
    signal = models.CharField(max_length=16, blank=True)

    result = models.JSONField(null=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)
    error_traceback = models.TextField(blank=True)
    event_count = models.PositiveBigIntegerField(default=0)
    log_tail = models.TextField(blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("plugin", "-id"), name="run_by_plugin"),
            models.Index(fields=("status", "-id"), name="run_by_status"),
            models.Index(fields=("-finished_at",), name="run_by_finish"),
            models.Index(
                fields=("plugin", "status"),
                condition=Q(status__in=sorted(ACTIVE)),
                name="run_active",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in RunStatus]), name="run_status_is_known"
            ),
        )
        permissions = (
            ("start_run", "Can start runs"),
            ("cancel_run", "Can cancel runs"),
        )

    def __str__(self) -> str:
        return str(self.pk)


class RunEvent(models.Model):
    """One event of a run's feed; `seq` counts from 1 without a gap."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=64)
    data = models.JSONField()

    objects = RunEventQuerySet.as_manager()

    class Meta:
        ordering = ("seq",)
        constraints = (models.UniqueConstraint(fields=("run", "seq"), name="event_seq_is_unique"),)

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Artifact(models.Model):
    """A file that a run left behind."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(max_length=500)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("run", "name"), name="artifact_is_unique"),)

    def __str__(self) -> str:
        return self.name


class RunPreview(models.Model):
    """The newest preview of an active run: overwritten by the next, gone with the run's end."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True)
    number = models.PositiveBigIntegerField()
    message = models.BinaryField()

    def __str__(self) -> str:
        return f"preview {self.number}"
