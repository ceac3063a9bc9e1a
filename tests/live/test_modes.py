"""The same feed from every database and by every carrier of hints, written by another process."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_socket

from tests.live.serving import ROOT, daphne, environment
from tests.servers import Server, wait_for

Settings = dict[str, str]
Seen = list[tuple[int, float]]  # each event's number, and how late it came


@dataclass
class Writer:
    process: subprocess.Popen[str]
    run: str
    token: str
    ticket: str

    def write(self, count: int, pause: float) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count} {pause}\n")
        self.process.stdin.flush()


@contextmanager
def writing(settings: Settings) -> Iterator[Writer]:
    command = [sys.executable, "-m", "tests.live.writer"]
    with subprocess.Popen(
        command,
        env=environment(**settings),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline() or "{}")
        yield Writer(process=process, **facts)
        assert process.wait(30) == 0


async def view(address: str, writer: Writer, ready: asyncio.Semaphore) -> Seen:
    seen: Seen = []
    header = {"Authorization": f"Token {writer.token}"}
    url = f"ws://{address}/ws/runs/{writer.run}/"
    async with connect(url, additional_headers=header, compression=None) as socket:
        assert json.loads(await socket.recv())["type"] == "hello"
        ready.release()
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "event":
                seen.append((message["seq"], time.time() - message["data"]["now"]))
        assert socket.close_code == 1000
    return seen


async def view_together(address: str, writer: Writer, *, viewers: int, count: int) -> list[Seen]:
    ready = asyncio.Semaphore(0)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        views = [tasks.create_task(view(address, writer, ready)) for _ in range(viewers)]
        for _ in range(viewers):
            await ready.acquire()
        writer.write(count, 0.01)
    return [one.result() for one in views]


def watch_a_run(log: Path, settings: Settings, *, viewers: int, count: int) -> list[Seen]:
    with daphne(log, **settings) as address, writing(settings) as writer:
        return asyncio.run(view_together(address, writer, viewers=viewers, count=count))


def migrate(settings: Settings) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        env=environment(**settings),
        cwd=ROOT,
        check=True,
    )


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('data') / 'db.sqlite3'}"}
    migrate(settings)
    return settings


@pytest.fixture(scope="module")
def postgresql(postgres_server: Server) -> Settings:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE live")
    settings = {"DATABASE_URL": postgres_server.url.rpartition("/")[0] + "/live"}
    migrate(settings)
    return settings


def check(views: list[Seen], *, viewers: int, count: int) -> None:
    assert len(views) == viewers
    for seen in views:
        assert [seq for seq, _delay in seen] == list(range(1, count + 1))
    # Hints carried it: by the look twice a second alone it would be a quarter of a second.
    assert median(delay for seen in views for _seq, delay in seen) < 0.2


def test_fifty_viewers_see_every_event_soon(sqlite: Settings, tmp_path: Path) -> None:
    check(watch_a_run(tmp_path / "log", sqlite, viewers=50, count=150), viewers=50, count=150)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_redis_carries_the_hints(
    database: str, redis_server: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings: dict[str, Any] = {
        **request.getfixturevalue(database),
        "REDIS_URL": redis_server.url,
    }
    check(watch_a_run(tmp_path / "log", settings, viewers=5, count=60), viewers=5, count=60)


def test_postgresql_carries_its_own_hints(postgresql: Settings, tmp_path: Path) -> None:
    check(watch_a_run(tmp_path / "log", postgresql, viewers=5, count=60), viewers=5, count=60)


def test_without_its_redis_a_feed_is_late_but_whole(
    sqlite: Settings, redis_server: Server, tmp_path: Path
) -> None:
    settings = {**sqlite, "REDIS_URL": redis_server.url}
    with daphne(tmp_path / "log", **settings) as address, writing(settings) as writer:
        redis_server.stop()
        try:
            views = asyncio.run(view_together(address, writer, viewers=2, count=60))
        finally:
            redis_server.start()
    for seen in views:
        assert [seq for seq, _delay in seen] == list(range(1, 61))


def test_a_client_that_comes_back_sees_the_whole_run_across_a_restart_of_the_database(
    postgresql: Settings, postgres_server: Server, tmp_path: Path
) -> None:
    with daphne(tmp_path / "log", **postgresql) as address, writing(postgresql) as writer:
        seen: list[int] = []
        follower = threading.Thread(target=follow, args=(address, writer, seen))
        follower.start()
        wait_for(lambda: seen == [0], what="the hello")
        postgres_server.stop()
        time.sleep(1)
        postgres_server.start()
        writer.write(20, 0.01)
        follower.join(20)
    assert seen == list(range(21))


def follow(address: str, writer: Writer, seen: list[int]) -> None:
    """Note 0 for the first hello, then every event's number; come back as often as it takes."""
    header = {"Authorization": f"Token {writer.token}"}
    code = 1013
    while code == 1013:
        after = seen[-1] if seen else 0
        url = f"ws://{address}/ws/runs/{writer.run}/?after={after}"
        with open_socket(url, additional_headers=header) as socket, suppress(ConnectionClosed):
            while True:
                message = json.loads(socket.recv(timeout=10))
                if message["type"] == "event" or not seen:
                    seen.append(message.get("seq", 0))
        code = socket.close_code
        time.sleep(0.05)
