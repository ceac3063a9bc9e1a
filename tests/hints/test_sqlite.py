"""The doorbell on SQLite, with other connections and another process at the same file."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins_app import hints
from plugins_app.hints.sqlite import SqliteDoorbell

INSERT = "INSERT INTO notes VALUES ('news')"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a b#c.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    return path


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()


def test_a_commit_rings_once(file: Path, writer: sqlite3.Connection) -> None:
    with SqliteDoorbell(str(file)) as doorbell:
        assert not doorbell.wait(0.02)
        writer.execute(INSERT)
        assert doorbell.wait(1)
        assert not doorbell.wait(0.02)


def test_nothing_rings_before_the_commit_nor_after_a_rollback(
    file: Path, writer: sqlite3.Connection
) -> None:
    with SqliteDoorbell(str(file)) as doorbell:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(INSERT)
        assert not doorbell.wait(0.05)
        writer.execute("ROLLBACK")
        assert not doorbell.wait(0.05)


def test_a_commit_rings_within_a_few_milliseconds(file: Path, writer: sqlite3.Connection) -> None:
    committed_at: list[float] = []

    def commit() -> None:
        writer.execute(INSERT)
        committed_at.append(time.monotonic())

    delays = []
    with SqliteDoorbell(str(file)) as doorbell:
        for _ in range(20):
            threading.Timer(0.01, commit).start()
            assert doorbell.wait(2)
            delays.append(time.monotonic() - committed_at[-1] if committed_at else 0.0)
            assert not doorbell.wait(0.02)
    assert sorted(delays)[10] < 0.05


def test_another_process_is_heard(file: Path) -> None:
    code = f"import sqlite3; c = sqlite3.connect({str(file)!r}); c.execute({INSERT!r}); c.commit()"
    with SqliteDoorbell(str(file)) as doorbell:
        subprocess.run([sys.executable, "-c", code], check=True)
        assert doorbell.wait(1)


def test_a_wait_is_ended_from_another_thread(file: Path) -> None:
    with SqliteDoorbell(str(file)) as doorbell:
        threading.Timer(0.05, doorbell.stop).start()
        started = time.monotonic()
        assert not doorbell.wait(10)
        assert time.monotonic() - started < 2
        assert not doorbell.wait(10)


@pytest.mark.django_db(transaction=True)
def test_listening_finds_the_database_in_use(django_user_model: type) -> None:
    with hints.listen() as doorbell:
        django_user_model.objects.create_user("ann")
        hints.ring()
        assert doorbell.wait(1)
