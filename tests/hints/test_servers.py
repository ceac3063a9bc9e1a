"""Doorbells on real servers, rung by another process as the platform's writers do."""

import logging
import os
import subprocess
import sys
import threading
import time
from typing import Any

import psycopg
import pytest

from plugins_app.hints.doorbell import Doorbell
from plugins_app.hints.postgresql import PostgresDoorbell
from plugins_app.hints.redis import Publisher, RedisDoorbell
from tests.servers import Server, free_port

COMMIT = "with transaction.atomic(): hints.ring(); hints.ring()"
ROLL_BACK = "with transaction.atomic(): hints.ring(); transaction.set_rollback(True)"
AT_ONCE = "hints.ring()"


def run_django(statement: str, **environment: str) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.db import transaction\n"
        "from plugins_app import hints\n" + statement
    )
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": "platform"}
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **settings, **environment}, check=True
    )


def parameters(server: Server) -> dict[str, Any]:
    return psycopg.conninfo.conninfo_to_dict(server.url)


@pytest.mark.parametrize(
    ("statement", "rings"), [(COMMIT, True), (AT_ONCE, True), (ROLL_BACK, False)]
)
def test_postgresql_rings_with_the_commit(
    postgres_server: Server, statement: str, rings: bool
) -> None:
    with PostgresDoorbell(parameters(postgres_server)) as doorbell:
        run_django(statement, DATABASE_URL=postgres_server.url)
        assert doorbell.wait(0.3) is rings
        assert not doorbell.wait(0.05)


@pytest.mark.parametrize(
    ("statement", "rings"), [(COMMIT, True), (AT_ONCE, True), (ROLL_BACK, False)]
)
def test_redis_rings_after_the_commit(redis_server: Server, statement: str, rings: bool) -> None:
    with RedisDoorbell(redis_server.url) as doorbell:
        run_django(statement, REDIS_URL=redis_server.url)
        assert doorbell.wait(0.3) is rings
        assert not doorbell.wait(0.05)


def test_listen_takes_the_servers_that_the_settings_name(
    postgres_server: Server, redis_server: Server
) -> None:
    listen = "d = hints.listen(); d.release(); assert type(d).__name__ == {!r}, d"
    run_django(listen.format("PostgresDoorbell"), DATABASE_URL=postgres_server.url)
    both = {"DATABASE_URL": postgres_server.url, "REDIS_URL": redis_server.url}
    run_django(listen.format("RedisDoorbell"), **both)


def doorbells(postgres: Server, redis: Server) -> list[tuple[Server, Doorbell]]:
    return [
        (postgres, PostgresDoorbell(parameters(postgres))),
        (redis, RedisDoorbell(redis.url)),
    ]


def test_a_lost_server_is_found_again_and_that_rings(
    postgres_server: Server, redis_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for server, doorbell in doorbells(postgres_server, redis_server):
        with doorbell:
            server.stop()
            assert not doorbell.wait(0.5)
            server.start()
            assert doorbell.wait(10)
    lost = [r for r in caplog.records if getattr(r, "action", "") == "doorbell_lost"]
    assert len(lost) == 2


def test_closing_ends_a_wait(postgres_server: Server, redis_server: Server) -> None:
    for _server, doorbell in doorbells(postgres_server, redis_server):
        with doorbell:
            threading.Timer(0.05, doorbell.stop).start()
            started = time.monotonic()
            assert not doorbell.wait(10)
            assert time.monotonic() - started < 2


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    with PostgresDoorbell({"host": "127.0.0.1", "port": free_port()}) as doorbell:
        assert not doorbell.wait(0.3)
    with RedisDoorbell(f"redis://127.0.0.1:{free_port()}/0") as doorbell:
        assert not doorbell.wait(0.3)


def test_a_publisher_without_redis_says_so_once_and_holds_nobody_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    publisher = Publisher(f"redis://127.0.0.1:{free_port()}/0")
    started = time.monotonic()
    for _ in range(100):
        publisher.publish()
    assert time.monotonic() - started < 1
    assert len(caplog.records) == 1
    assert "REDIS_URL" in caplog.text
