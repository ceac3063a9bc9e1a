"""Files in, and old runs out."""

import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from plugins_app.errors import InvalidInput, NotFound, TooLarge
from plugins_app.models import Artifact, AuditEntry, Plugin, Run, RunEvent, Upload
from plugins_app.services import audit, retention, runs, uploads
from tests.services.conftest import ANN

Ask = Callable[..., Run]

READER = """
from sandbox.sdk import File, Plugin, tool

class Reader(Plugin):
    def validate(self) -> None: ...

    @tool
    def read(self, file: File) -> dict[str, str]:
        with file.open() as content:
            return {"name": file.name, "text": content.read().decode()}
"""


def store(content: bytes, name: str = "note.txt") -> Upload:
    return uploads.store_upload(name=name, content=io.BytesIO(content), actor=ANN)


def test_an_upload_is_kept_with_its_size_and_hash(transactional_db: None) -> None:
    upload = store(b"hello")
    assert (upload.name, upload.size) == ("note.txt", 5)
    assert upload.sha256 == hashlib.sha256(b"hello").hexdigest()
    with default_storage.open(upload.file.name) as content:
        assert content.read() == b"hello"


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\x\\passwd", "/etc/passwd"])
def test_only_the_last_part_of_a_name_is_kept(transactional_db: None, name: str) -> None:
    assert store(b"x", name).name == "passwd"


@pytest.mark.parametrize("name", ["", "..", "a/", "\x00"])
def test_a_file_needs_a_name(transactional_db: None, name: str) -> None:
    with pytest.raises(InvalidInput):
        store(b"x", name)


def test_an_empty_or_too_large_file_leaves_nothing(
    transactional_db: None, settings: Any, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput):
        store(b"")
    settings.MAX_UPLOAD_BYTES = 4
    with pytest.raises(TooLarge):
        store(b"hello")
    assert not Upload.objects.exists()
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


def test_a_run_reads_its_upload(register: Callable[..., Plugin], ask: Ask, execute: Ask) -> None:
    register("reader", READER)
    upload = store(b"hello")
    run = execute(ask("read", "reader", file={"upload": str(upload.pk)}))
    assert run.result == {"name": "note.txt", "text": "hello"}
    assert run.files[0]["sha256"] == upload.sha256


def test_an_upload_that_is_not_there_is_refused_by_place(
    register: Callable[..., Plugin], ask: Ask
) -> None:
    register("reader", READER)
    for wrong in ("nonsense", "0199a9a0-0000-7000-8000-000000000000"):
        with pytest.raises(InvalidInput) as caught:
            ask("read", "reader", file={"upload": wrong})
        assert caught.value.faults[0].pointer == "/file/upload"


def test_an_upload_gone_before_the_run_rejects_it(
    register: Callable[..., Plugin], ask: Ask, execute: Ask
) -> None:
    register("reader", READER)
    upload = store(b"hello")
    run = ask("read", "reader", file={"upload": str(upload.pk)})
    default_storage.delete(upload.file.name)
    assert (execute(run).status, run.error_code) == ("rejected", "upload_missing")
    assert Plugin.objects.get().state == "INITIALIZED"


@pytest.fixture
def old_runs(register: Callable[..., Plugin], ask: Ask, execute: Ask) -> list[Run]:
    register()
    made = [execute(ask("count")) for _ in range(3)]
    Run.objects.update(finished_at=timezone.now() - timedelta(days=10))
    return made


def test_old_runs_are_forgotten_with_their_files_and_the_audit_remembers(
    old_runs: list[Run], ask: Ask
) -> None:
    active = ask("count")
    entries = AuditEntry.objects.count()
    names = list(Artifact.objects.values_list("file", flat=True))
    report = retention.prune_runs(older_than_days=5, keep_last=1, actor=ANN)
    assert (report.runs, report.artifacts) == (2, 2)
    assert active.pk in Run.objects.values_list("pk", flat=True)
    assert sum(default_storage.exists(name) for name in names) == len(names) - report.artifacts
    assert not RunEvent.objects.exclude(run__in=Run.objects.all()).exists()
    assert AuditEntry.objects.count() == entries + 1
    assert audit.verify().ok


def test_a_dry_run_forgets_nothing(old_runs: list[Run]) -> None:
    report = retention.prune_runs(older_than_days=5, dry_run=True, actor=ANN)
    assert (report.runs, Run.objects.count()) == (3, 3)


def test_young_runs_are_kept(old_runs: list[Run]) -> None:
    assert retention.prune_runs(older_than_days=30, actor=ANN).runs == 0


def test_pruning_checks_what_it_is_asked(transactional_db: None) -> None:
    with pytest.raises(NotFound):
        retention.prune_runs(older_than_days=5, plugin="nobody", actor=ANN)
    with pytest.raises(InvalidInput):
        retention.prune_runs(older_than_days=-1, actor=ANN)


def test_an_unused_old_upload_goes_and_a_used_one_stays(
    register: Callable[..., Plugin], ask: Ask
) -> None:
    register("reader", READER)
    used, unused = store(b"used"), store(b"unused")
    run = ask("read", "reader", file={"upload": str(used.pk)})
    Upload.objects.update(created_at=timezone.now() - timedelta(days=10))
    assert retention.prune_runs(older_than_days=5, actor=ANN).uploads == 1
    assert list(Upload.objects.values_list("pk", flat=True)) == [used.pk]
    assert not default_storage.exists(unused.file.name)
    runs.cancel_run(run=run, actor=ANN)
