"""How the platform ends, and what is left of it: nothing of the processes, everything of the record."""

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.running import RunningPlatform, end
from tests.servers import wait_for

WITNESS = """
from sandbox.sdk import Plugin, Run, tool

class Witness(Plugin):
    def validate(self) -> None:
        pass

    @tool
    def testify(self, run: Run) -> None:
        run.emit("executed", {})
"""


@pytest.fixture(scope="module")
def platform(
    make_platform: Callable[..., RunningPlatform], tmp_path_factory: pytest.TempPathFactory
) -> RunningPlatform:
    """One worker: what comes second waits."""
    folder = tmp_path_factory.mktemp("plugins") / "witness"
    folder.mkdir()
    (folder / "plugin.toml").write_text(
        'name = "witness"\nversion = "1.0.0"\nentrypoint = "witness:Witness"\n'
    )
    (folder / "witness.py").write_text(WITNESS)
    return make_platform(workers=1, plugin_path=(folder,))


@pytest.fixture
def up(platform: RunningPlatform) -> RunningPlatform:
    """The platform, running, with both of its plugins in service."""
    if platform.process is None or platform.process.poll() is not None:
        platform.start()
    for name in ("echo", "witness"):
        if platform.get(f"/api/v1/plugins/{name}/").json["state"] == "FAILED":
            platform.post(f"/api/v1/plugins/{name}/restart/", {"reason": "the next test"})
        platform.wait_for_plugin(name, "INITIALIZED")
    return platform


def long_run(up: RunningPlatform) -> str:
    """Start a run that emits for half a minute; return its id when it has begun to."""
    run = up.run_tool("echo", "emit", count=3000, interval_seconds=0.01)
    wait_for(lambda: up.run(run["id"])["event_count"] > 10, what="the run's first events")
    return str(run["id"])


@pytest.mark.parametrize(("word", "name"), [("daphne", "web"), ("run_workers", "workers")])
def test_a_child_that_dies_is_started_anew_and_said_so(
    up: RunningPlatform, word: str, name: str
) -> None:
    before = up.pids(word)
    psutil.Process(before[0]).kill()
    wait_for(lambda: f"{name} died of SIGKILL: it is started anew" in up.log, what=name)
    wait_for(lambda: set(up.pids(word)) - set(before), what=f"another {name}")
    run = up.run_tool("witness", "testify")
    assert up.wait_for_run(run["id"])["status"] == "succeeded"


def test_a_stop_gives_runs_their_time_then_cancels_them_and_fails_no_plugin(
    up: RunningPlatform,
) -> None:
    run_id = long_run(up)
    assert up.stop() < 10
    assert up.processes() == []
    up.start()
    run = up.run(run_id)
    assert run["status"] == "cancelled"
    assert "worker is being stopped" in run["error"]["message"]
    assert up.get("/api/v1/plugins/echo/").json["state"] == "INITIALIZED"


def test_an_idle_platform_stops_at_once(up: RunningPlatform) -> None:
    assert up.stop() < 5
    assert up.processes() == []


def test_a_second_signal_ends_it_without_waiting(up: RunningPlatform) -> None:
    long_run(up)
    assert up.process is not None
    up.process.send_signal(signal.SIGINT)
    wait_for(lambda: "stopping" in up.log, what="the first signal to be heard")
    up.process.send_signal(signal.SIGINT)
    up.process.wait(4)
    assert up.processes() == []


def test_nothing_outlives_a_killed_parent(up: RunningPlatform) -> None:
    long_run(up)
    assert up.process is not None
    up.process.kill()
    up.process.wait(5)
    wait_for(lambda: not up.processes(), what="the end of every process", seconds=5)


def test_after_a_power_cut_what_ran_is_lost_and_what_waited_is_executed_once(
    up: RunningPlatform,
) -> None:
    running = long_run(up)
    waiting = up.run_tool("witness", "testify")["id"]
    assert up.run(waiting)["status"] == "queued"
    up.kill_everything()

    up.start()
    lost = up.wait_for_run(running, seconds=20)
    assert lost["status"] == "lost"
    assert lost["event_count"] > 10
    events = up.get(f"/api/v1/runs/{running}/events/?limit=1000").json["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert up.get("/api/v1/plugins/echo/").json["state"] == "FAILED"

    assert up.wait_for_run(waiting, seconds=30)["status"] == "succeeded"
    executed = up.get(f"/api/v1/runs/{waiting}/events/").json["events"]
    assert [event["kind"] for event in executed] == ["executed"]


def test_a_killed_worker_loses_its_run_only_and_the_next_is_executed(up: RunningPlatform) -> None:
    run_id = long_run(up)
    pid = next(worker["pid"] for worker in up.get("/api/v1/workers/").json if worker["active_runs"])
    psutil.Process(pid).kill()
    lost = up.wait_for_run(run_id, seconds=20)
    assert lost["status"] == "lost"
    assert f"pid {pid}" in lost["error"]["message"]
    assert lost["event_count"] > 10
    run = up.run_tool("witness", "testify")
    assert up.wait_for_run(run["id"], seconds=20)["status"] == "succeeded"
    assert up.run(run_id)["event_count"] == lost["event_count"]
    end(up)
    # A run's folder is named for it; what is kept for runs to come is the sandbox's.
    assert not list(Path(up.folder, "scratch").glob("*-*-*-*-*"))
