"""The reader-writer lock, with real threads."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from plugins_app.errors import RegistryBusy
from plugins_app.registry.lock import ReaderWriterLock

SOON = 0.05
LONG = 5.0


@pytest.fixture
def lock() -> ReaderWriterLock:
    return ReaderWriterLock()


@contextmanager
def held(hold: Callable[..., AbstractContextManager[None]]) -> Iterator[threading.Event]:
    """Keep the lock held in a thread of its own until the block ends, or the event is set."""
    is_held, let_go = threading.Event(), threading.Event()

    def keep() -> None:
        with hold(timeout_seconds=LONG):
            is_held.set()
            let_go.wait(LONG)

    thread = threading.Thread(target=keep)
    thread.start()
    assert is_held.wait(LONG)
    try:
        yield let_go
    finally:
        let_go.set()
        thread.join()


@contextmanager
def waiting_writer(lock: ReaderWriterLock, *, timeout_seconds: float = LONG) -> Iterator[list[str]]:
    """A thread that waits to write while the block runs; the list tells how it ended."""
    ended: list[str] = []

    def write() -> None:
        try:
            with lock.writing(timeout_seconds=timeout_seconds):
                ended.append("wrote")
        except RegistryBusy:
            ended.append("busy")

    thread = threading.Thread(target=write)
    thread.start()
    while not lock._waiting_writers:
        time.sleep(0.001)
    yield ended
    thread.join()


def test_readers_share_the_lock(lock: ReaderWriterLock) -> None:
    with held(lock.reading), held(lock.reading), lock.reading(timeout_seconds=SOON):
        pass


def test_a_writer_waits_for_the_last_of_overlapping_readers(lock: ReaderWriterLock) -> None:
    with held(lock.reading) as first, held(lock.reading) as second, waiting_writer(lock) as ended:
        first.set()
        time.sleep(SOON)
        assert not ended
        second.set()
    assert ended == ["wrote"]


def test_a_reader_waits_for_the_writer(lock: ReaderWriterLock) -> None:
    with held(lock.writing), pytest.raises(RegistryBusy), lock.reading(timeout_seconds=SOON):
        pass
    with lock.reading(timeout_seconds=SOON):
        pass


def test_writers_wait_for_each_other(lock: ReaderWriterLock) -> None:
    with held(lock.writing), pytest.raises(RegistryBusy), lock.writing(timeout_seconds=SOON):
        pass
    with lock.writing(timeout_seconds=SOON):
        pass


def test_a_waiting_writer_keeps_new_readers_out(lock: ReaderWriterLock) -> None:
    with held(lock.reading) as reader, waiting_writer(lock):
        with pytest.raises(RegistryBusy), lock.reading(timeout_seconds=SOON):
            pass
        reader.set()


def test_a_writer_that_gave_up_lets_the_readers_in(lock: ReaderWriterLock) -> None:
    with held(lock.reading):
        with waiting_writer(lock, timeout_seconds=2 * SOON) as ended:
            started = time.monotonic()
            with lock.reading(timeout_seconds=LONG):
                pass
        assert ended == ["busy"]
        assert time.monotonic() - started < 1


def test_a_reader_may_read_again_while_a_writer_waits(lock: ReaderWriterLock) -> None:
    writer = threading.Thread(target=_write_once, args=(lock,))
    with lock.reading(timeout_seconds=LONG):
        writer.start()
        while not lock._waiting_writers:
            time.sleep(0.001)
        with lock.reading(timeout_seconds=SOON):
            pass
        assert lock._writer is None
    writer.join()


def _write_once(lock: ReaderWriterLock) -> None:
    with lock.writing(timeout_seconds=LONG):
        pass


def test_what_would_wait_for_itself_is_refused_at_once(lock: ReaderWriterLock) -> None:
    with (
        lock.reading(timeout_seconds=LONG),
        pytest.raises(RuntimeError, match="wait for itself"),
        lock.writing(timeout_seconds=LONG),
    ):
        pass
    with (
        lock.writing(timeout_seconds=LONG),
        pytest.raises(RuntimeError, match="holds the lock already"),
        lock.reading(timeout_seconds=LONG),
    ):
        pass


def test_an_exception_lets_go_of_the_lock(lock: ReaderWriterLock) -> None:
    for hold in (lock.reading, lock.writing):
        with pytest.raises(ZeroDivisionError), hold(timeout_seconds=SOON):
            raise ZeroDivisionError
    with lock.writing(timeout_seconds=SOON):
        pass


def test_nobody_ever_sees_a_half_written_pair(lock: ReaderWriterLock) -> None:
    pair, torn, stop = [0, 0], [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            with lock.reading(timeout_seconds=LONG):
                left = pair[0]
                time.sleep(0)
                if left != pair[1]:
                    torn.append(tuple(pair))

    def write() -> None:
        for _ in range(100):
            with lock.writing(timeout_seconds=LONG):
                pair[0] += 1
                time.sleep(0)
                pair[1] += 1

    readers = [threading.Thread(target=read) for _ in range(6)]
    writers = [threading.Thread(target=write) for _ in range(3)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert pair == [300, 300]
    assert not torn


def test_a_writer_is_not_starved_by_readers_that_never_pause(lock: ReaderWriterLock) -> None:
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with lock.reading(timeout_seconds=LONG):
                time.sleep(0.002)

    readers = [threading.Thread(target=read) for _ in range(8)]
    for thread in readers:
        thread.start()
    started = time.monotonic()
    for _ in range(20):
        with lock.writing(timeout_seconds=1):
            pass
    waited = time.monotonic() - started
    stop.set()
    for thread in readers:
        thread.join()
    assert waited < 3
