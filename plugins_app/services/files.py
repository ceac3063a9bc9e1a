"""A run's files: its scratch folder, the inputs it reads, the artifacts that stay."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

import sandbox
from plugins_app.models import Artifact, Run, Upload

CHUNK_BYTES: Final = 1 << 20


class InputGone(Exception):
    """A file that the run was given is no longer there."""


def scratch_of(*, run_id: UUID) -> Path:
    return Path(settings.SCRATCH_ROOT) / str(run_id)


def remove_scratch(*, run_id: UUID) -> None:
    shutil.rmtree(scratch_of(run_id=run_id), ignore_errors=True)


def inputs_of(*, run: Run, scratch: Path) -> dict[str, sandbox.FileInput]:
    """Return the run's input files as local paths; raise InputGone naming the one that is missing."""
    uploads = {str(u.pk): u for u in Upload.objects.filter(pk__in=[f["upload"] for f in run.files])}
    found = {}
    for facts in run.files:
        upload = uploads.get(facts["upload"])
        if upload is None or not default_storage.exists(upload.file.name):
            raise InputGone(
                f"The upload {facts['upload']} ({facts['name']!r}) for {facts['field']!r} was "
                "removed meanwhile. Upload the file again and start a new run"
            )
        path = _local_path(upload, scratch)
        found[facts["field"]] = sandbox.FileInput(path=path, name=facts["name"])
    return found


def keep_artifacts(*, run: Run, artifacts: Iterable[sandbox.Artifact]) -> tuple[Artifact, ...]:
    """Move a dead run's artifacts into the storage; return their records, not yet saved."""
    return tuple(_keep(run, artifact) for artifact in artifacts)


def discard(artifacts: Iterable[Artifact]) -> None:
    """Delete stored files whose records were not saved after all."""
    for artifact in artifacts:
        default_storage.delete(artifact.file.name)


def _keep(run: Run, artifact: sandbox.Artifact) -> Artifact:
    digest = _sha256(artifact.path)
    with artifact.path.open("rb") as content:
        name = default_storage.save(
            f"artifacts/{run.pk}/{artifact.name}", _Movable(content, artifact.path)
        )
    return Artifact(run=run, name=artifact.name, size=artifact.size, sha256=digest, file=name)


class _Movable(File):
    """A file that local storage may move into place instead of copying it."""

    def __init__(self, content: Any, path: Path) -> None:
        super().__init__(content)
        self._path = path

    def temporary_file_path(self) -> str:
        return str(self._path)


def _local_path(upload: Upload, scratch: Path) -> Path:
    try:
        return Path(upload.file.path)
    except NotImplementedError:
        return _fetched(upload, scratch)


def _fetched(upload: Upload, scratch: Path) -> Path:
    """Copy an upload here from a storage on another machine."""
    folder = scratch / "inputs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / os.path.basename(upload.file.name)
    with default_storage.open(upload.file.name, "rb") as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, CHUNK_BYTES)
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
