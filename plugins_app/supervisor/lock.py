"""One platform to a data directory: the kernel gives the lock back whatever becomes of its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from plugins_app.supervisor.refusals import StartRefused

FILE_NAME: Final = "up.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold FOLDER for this process. Raises StartRefused naming the process that holds it already."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        raise StartRefused(
            f"Bulkhead is already running on {folder} (pid {pid}). Stop it first (Ctrl-C there, or "
            f"`kill {pid}`), or name another folder in BULKHEAD_DATA_DIR."
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
