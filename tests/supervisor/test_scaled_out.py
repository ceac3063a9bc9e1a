"""The same platform on PostgreSQL and Redis, and both of them going away for a while."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.running import RunningPlatform, end
from tests.servers import Server, wait_for

AWAY_SECONDS = 2


@pytest.fixture(scope="module")
def up(
    make_platform: Callable[..., RunningPlatform], postgres_server: Server, redis_server: Server
) -> Iterator[RunningPlatform]:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE scaled_out")
    servers = {
        "DATABASE_URL": postgres_server.url.rsplit("/", 1)[0] + "/scaled_out",
        "REDIS_URL": redis_server.url,
    }
    platform = make_platform(variables=servers)
    platform.wait_for_plugin("echo", "INITIALIZED")
    yield platform
    end(platform)


def worker_pids(up: RunningPlatform) -> list[int]:
    return sorted(worker["pid"] for worker in up.get("/api/v1/workers/").json)


def test_a_run_goes_through(up: RunningPlatform) -> None:
    run = up.run_tool("echo", "emit", count=20)
    ended = up.wait_for_run(run["id"])
    assert ended["status"] == "succeeded"
    events = up.get(f"/api/v1/runs/{run['id']}/events/?limit=1000").json["events"]
    assert [event["data"]["number"] for event in events if event["kind"] == "echo"] == [
        *range(1, 21)
    ]


@pytest.mark.parametrize("server", ["postgres_server", "redis_server"])
def test_workers_and_their_runs_outlive_a_restart_of(
    up: RunningPlatform, server: str, request: pytest.FixtureRequest
) -> None:
    stopped: Any = request.getfixturevalue(server)
    before = worker_pids(up)
    run = up.run_tool("echo", "emit", count=60, interval_seconds=0.1)
    wait_for(lambda: up.run(run["id"])["event_count"] > 5, what="the run's first events")
    stopped.stop()
    time.sleep(AWAY_SECONDS)
    stopped.start()
    wait_for(lambda: _answers(up), what="the API on its server again")
    ended = up.wait_for_run(run["id"])
    assert ended["status"] == "succeeded", ended["error"]
    events = up.get(f"/api/v1/runs/{run['id']}/events/?limit=1000").json["events"]
    assert [event["seq"] for event in events] == list(range(1, ended["event_count"] + 1))
    assert len([event for event in events if event["kind"] == "echo"]) == 60
    assert worker_pids(up) == before
    assert "Traceback" not in up.log
    again = up.run_tool("echo", "say", text="still here")
    assert up.wait_for_run(again["id"], seconds=20)["status"] == "succeeded"


def _answers(up: RunningPlatform) -> bool:
    return up.get("/api/v1/plugins/echo/").status == 200
