"""Forgetting old runs. Never active ones, and never the audit, which tells that they were."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from plugins_app.actors import Actor
from plugins_app.errors import Fault, InvalidInput, NotFound
from plugins_app.models import Artifact, Plugin, Run, RunEvent, Upload
from plugins_app.services import audit

AT_ONCE: Final = 500


@dataclass(frozen=True, kw_only=True)
class PruneReport:
    """What was forgotten, or in a dry run would be."""

    runs: int = 0
    events: int = 0
    artifacts: int = 0
    artifact_bytes: int = 0
    uploads: int = 0
    dry_run: bool = False


def prune_runs(
    *,
    older_than_days: int,
    keep_last: int = 0,
    plugin: str | None = None,
    dry_run: bool = False,
    actor: Actor,
) -> PruneReport:
    """Forget runs that ended more than OLDER_THAN_DAYS ago, but the newest KEEP_LAST per plugin.

    Uploads that no run names any more go with them, when they are as old. Raises NotFound for an
    unknown plugin and InvalidInput for a number below zero.
    """
    _check(older_than_days=older_than_days, keep_last=keep_last)
    before = timezone.now() - timedelta(days=older_than_days)
    ids = [pk for one in _plugins(plugin) for pk in _old_runs(one, before, keep_last)]
    report = _count(ids, before, dry_run=dry_run)
    if dry_run or not (ids or report.uploads):
        return report
    for start in range(0, len(ids), AT_ONCE):
        _forget_runs(ids[start : start + AT_ONCE])
    _forget_uploads(before)
    with transaction.atomic():
        audit.record(
            actor=actor,
            action="runs.pruned",
            object=f"plugin:{plugin}" if plugin else "plugins",
            after={"runs": report.runs, "older_than_days": older_than_days, "keep_last": keep_last},
        )
    return report


def _check(**numbers: int) -> None:
    faults = [
        Fault(pointer=f"/{name}", message="must be a whole number, zero or more")
        for name, number in numbers.items()
        if number < 0
    ]
    if faults:
        raise InvalidInput("Nothing was pruned.", faults=faults)


def _plugins(name: str | None) -> list[Plugin]:
    if name is None:
        return list(Plugin.objects.only("pk"))
    if not (found := list(Plugin.objects.filter(name=name).only("pk"))):
        raise NotFound(f"There is no plugin named {name!r}.")
    return found


def _old_runs(plugin: Plugin, before: Any, keep_last: int) -> list[Any]:
    ended = plugin.runs.final().order_by("-id").values_list("pk", "finished_at")
    return [pk for pk, finished_at in ended[keep_last:] if finished_at and finished_at < before]


def _count(ids: list[Any], before: Any, *, dry_run: bool) -> PruneReport:
    events = artifacts = size = 0
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        events += RunEvent.objects.filter(run__in=some).count()
        sizes = list(Artifact.objects.filter(run__in=some).values_list("size", flat=True))
        artifacts, size = artifacts + len(sizes), size + sum(sizes)
    return PruneReport(
        runs=len(ids),
        events=events,
        artifacts=artifacts,
        artifact_bytes=size,
        uploads=len(_unused_uploads(before, forgotten=ids)),
        dry_run=dry_run,
    )


def _forget_runs(ids: list[Any]) -> None:
    with transaction.atomic():
        runs = Run.objects.final().filter(pk__in=ids)
        files = list(Artifact.objects.filter(run__in=runs).values_list("file", flat=True))
        runs.delete()
    for name in files:
        default_storage.delete(name)


def _forget_uploads(before: Any) -> None:
    for upload in _unused_uploads(before, forgotten=[]):
        upload.delete()
        default_storage.delete(upload.file.name)


def _unused_uploads(before: Any, *, forgotten: list[Any]) -> list[Upload]:
    gone = set(forgotten)
    used = {
        facts["upload"]
        for pk, files in Run.objects.exclude(files=[]).values_list("pk", "files")
        if pk not in gone
        for facts in files
    }
    old = Upload.objects.filter(created_at__lt=before)
    return [upload for upload in old if str(upload.pk) not in used]
