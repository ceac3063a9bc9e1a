"""Files that clients give, hashed while they are stored."""

import hashlib
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import uuid6
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from plugins_app.actors import Actor
from plugins_app.errors import Fault, InvalidInput, TooLarge
from plugins_app.models import Upload
from plugins_app.services import audit
from plugins_app.services.idempotency import Once

CHUNK_BYTES: Final = 1 << 20
MOST_NAME: Final = 255
SAFE_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,16}")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def store_upload(*, name: str, content: BinaryIO, actor: Actor, once: Once | None = None) -> Upload:
    """Store CONTENT under a new id and return its record.

    Raises InvalidInput for a name or a file that is empty, TooLarge over the platform's limit, and
    with ONCE AlreadyDone when that request has stored its file already; then nothing is kept.
    """
    name = _checked_name(name)
    upload = Upload(id=uuid6.uuid7(), name=name, actor=actor.name[:200], user_id=actor.user_id)
    upload.file.name = f"uploads/{upload.pk}{_suffix(name)}"
    counted = _Counted(content)
    try:
        default_storage.save(upload.file.name, counted)
        if not counted.size:
            raise _fault("is empty: choose a file that has content")
        upload.size, upload.sha256 = counted.size, counted.digest.hexdigest()
        _record(upload, actor, once)
    except BaseException:
        default_storage.delete(upload.file.name)
        raise
    return upload


def _record(upload: Upload, actor: Actor, once: Once | None) -> None:
    with transaction.atomic():
        upload.save(force_insert=True)
        if once:
            once.claim(made=upload.pk)
        audit.record(
            actor=actor,
            action="upload.stored",
            object=f"upload:{upload.pk}",
            after={"name": upload.name, "size": upload.size, "sha256": upload.sha256},
        )


class _Counted(File):
    """A file that is measured and hashed as it is read, and refuses to be longer than allowed."""

    def __init__(self, content: BinaryIO) -> None:
        super().__init__(content)
        self.size = 0
        self.digest = hashlib.sha256()

    def chunks(self, chunk_size: int | None = None) -> Iterator[Any]:
        while chunk := self.file.read(chunk_size or CHUNK_BYTES):
            self.size += len(chunk)
            if self.size > settings.MAX_UPLOAD_BYTES:
                raise TooLarge(
                    f"The file is larger than the {settings.MAX_UPLOAD_BYTES:,} bytes this platform "
                    "takes. Send a smaller one, or have BULKHEAD_MAX_UPLOAD_MB raised."
                )
            self.digest.update(chunk)
            yield chunk


def _checked_name(name: str) -> str:
    # A browser may send a whole path, Windows' included; only its last part is the file's name.
    name = CONTROL.sub("", name.replace("\\", "/").rpartition("/")[2]).strip()
    if not name or name in (os.curdir, os.pardir):
        raise _fault("has no name: send a file name with it")
    stem, suffix = os.path.splitext(name)
    return stem[: MOST_NAME - len(suffix)] + suffix if len(suffix) < 32 else name[:MOST_NAME]


def _suffix(name: str) -> str:
    """Return the extension, by which plugins may tell formats; never another part of the name."""
    suffix = os.path.splitext(name)[1]
    return suffix.lower() if SAFE_SUFFIX.fullmatch(suffix) else ""


def _fault(message: str) -> InvalidInput:
    return InvalidInput(
        f"The upload {message}.", faults=[Fault(pointer="/file", message=message, code="invalid")]
    )
