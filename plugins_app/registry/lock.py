"""A reader-writer lock: many readers or one writer, and a waiting writer goes first.

P. J. Courtois, F. Heymans, D. L. Parnas, "Concurrent control with 'readers' and 'writers'", 1971,
problem 2, as one condition variable over three counts.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plugins_app.errors import RegistryBusy


class ReaderWriterLock:
    """Any thread may read; one that reads may read again, even while a writer waits.

    A thread that reads cannot write, nor one that writes take the lock again: that would wait for
    itself, so it is a RuntimeError at once.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers: dict[int, int] = {}
        self._writer: int | None = None
        self._waiting_writers = 0

    @contextmanager
    def reading(self, *, timeout_seconds: float) -> Iterator[None]:
        """Hold the lock with other readers. Raises RegistryBusy when that takes too long."""
        me = threading.get_ident()
        with self._changed:
            self._refuse_if_writing(me)
            if me not in self._readers:
                self._wait_for(self._is_open_to_readers, timeout_seconds)
            self._readers[me] = self._readers.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._leave(me)

    @contextmanager
    def writing(self, *, timeout_seconds: float) -> Iterator[None]:
        """Hold the lock alone. Raises RegistryBusy when that takes too long."""
        me = threading.get_ident()
        with self._changed:
            self._refuse_if_writing(me)
            if me in self._readers:
                raise RuntimeError("a thread that reads cannot write: it would wait for itself")
            self._queue_to_write(timeout_seconds)
            self._writer = me
        try:
            yield
        finally:
            with self._changed:
                self._writer = None
                self._changed.notify_all()

    def _queue_to_write(self, timeout_seconds: float) -> None:
        self._waiting_writers += 1
        try:
            self._wait_for(self._is_free, timeout_seconds)
        finally:
            self._waiting_writers -= 1
            # A writer that gave up no longer keeps the readers out.
            self._changed.notify_all()

    def _leave(self, me: int) -> None:
        self._readers[me] -= 1
        if not self._readers[me]:
            del self._readers[me]
            self._changed.notify_all()

    def _wait_for(self, condition: Callable[[], bool], timeout_seconds: float) -> None:
        if not self._changed.wait_for(condition, timeout_seconds):
            raise RegistryBusy

    def _is_open_to_readers(self) -> bool:
        return self._writer is None and not self._waiting_writers

    def _is_free(self) -> bool:
        return self._writer is None and not self._readers

    def _refuse_if_writing(self, me: int) -> None:
        if self._writer == me:
            raise RuntimeError("a thread that writes holds the lock already")
