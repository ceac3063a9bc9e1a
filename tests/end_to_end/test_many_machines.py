"""The same platform on PostgreSQL and Redis, as many machines would share them."""

from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.watching import watch_run
from tests.running import RunningPlatform, end
from tests.servers import Server


@pytest.fixture(scope="module")
def up(
    make_platform: Callable[..., RunningPlatform], postgres_server: Server, redis_server: Server
) -> Iterator[RunningPlatform]:
    variables = {"DATABASE_URL": postgres_server.url, "REDIS_URL": redis_server.url}
    platform = make_platform(variables=variables)
    platform.wait_for_plugin("echo", "INITIALIZED")
    yield platform
    end(platform)


def test_a_run_goes_through_and_is_watched_live(up: RunningPlatform) -> None:
    run = up.run_tool("echo", "emit", count=300, interval_seconds=0.005)
    seen = watch_run(up, run["id"])
    assert seen.end["status"] == "succeeded"
    assert [event["seq"] for event in seen.events] == list(range(1, seen.end["last_seq"] + 1))


def test_readiness_names_each_part(up: RunningPlatform) -> None:
    answer = up.get("/api/v1/health/ready/", token="")
    assert answer.status == 200
    assert set(answer.json["checks"]) == {"database", "broker", "channel_layer", "worker"}


def test_a_failed_plugin_waits_for_a_person_here_too(up: RunningPlatform) -> None:
    answer = up.post("/api/v1/plugins/echo/restart/", {"reason": "not needed"})
    assert (answer.status, answer.json["code"]) == (409, "illegal_transition")
    assert up.get("/api/v1/audit/verify/").json["ok"]
