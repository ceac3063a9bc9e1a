"""Queries, named. Nothing here writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone

from plugins_app.lifecycle import ACTIVE, OUT_OF_SERVICE, RunStatus, State


class PluginQuerySet(models.QuerySet):
    def changed_since(self, generation: int) -> PluginQuerySet:
        return self.filter(generation__gt=generation)

    def locked(self, **lookup: Any) -> Any:
        """The one plugin, its row locked until the transaction ends (PostgreSQL; SQLite locks all)."""
        return self.select_for_update(no_key=True).get(**lookup)

    def waiting_to_load(self) -> PluginQuerySet:
        return self.filter(state=State.LOADED, load_requested_at__isnull=False)


class TransitionQuerySet(models.QuerySet):
    def after(self, seq: int) -> TransitionQuerySet:
        return self.filter(seq__gt=seq).order_by("seq").select_related("plugin")


class RunQuerySet(models.QuerySet):
    def active(self) -> RunQuerySet:
        return self.filter(status__in=ACTIVE)

    def queued(self) -> RunQuerySet:
        return self.filter(status=RunStatus.QUEUED)

    def running(self) -> RunQuerySet:
        return self.filter(status=RunStatus.RUNNING)

    def final(self) -> RunQuerySet:
        return self.exclude(status__in=ACTIVE)

    def held_by(self, worker_id: UUID) -> RunQuerySet:
        """Running runs that this worker has claimed."""
        return self.running().filter(worker_id=worker_id)

    def startable(self) -> RunQuerySet:
        """Queued runs whose plugin could start them, oldest first; its concurrency is not checked."""
        return (
            self.queued()
            .filter(plugin__enabled=True)
            .exclude(plugin__state__in=[*OUT_OF_SERVICE, State.LOADED])
            .order_by("id")
        )

    def stranded(self) -> RunQuerySet:
        """Queued runs that nothing will start: their plugin is out of service."""
        return self.queued().filter(
            models.Q(plugin__enabled=False) | models.Q(plugin__state__in=OUT_OF_SERVICE)
        )

    def brief(self) -> RunQuerySet:
        """For lists: with the plugin's name, without the texts that only a run's own page shows."""
        return self.select_related("plugin").defer("plugin__manifest", "plugin__tools")


class RunEventQuerySet(models.QuerySet):
    def after(self, seq: int, *, limit: int) -> RunEventQuerySet:
        return self.filter(seq__gt=seq).order_by("seq")[:limit]


class WorkerQuerySet(models.QuerySet):
    def alive(self) -> WorkerQuerySet:
        return self.filter(stopped_at__isnull=True, heartbeat_at__gte=_heartbeat_deadline())

    def gone(self) -> WorkerQuerySet:
        """Workers that fell silent without saying goodbye."""
        return self.filter(stopped_at__isnull=True, heartbeat_at__lt=_heartbeat_deadline())


def _heartbeat_deadline() -> Any:
    silence = settings.HEARTBEAT_SECONDS * settings.MISSED_HEARTBEATS
    return timezone.now() - timedelta(seconds=silence)
