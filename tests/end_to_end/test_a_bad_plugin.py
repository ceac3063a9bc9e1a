"""Whatever a plugin does, its run ends with its own status, nothing lives on, the platform goes on."""

import time
from typing import Any

import psutil
import pytest

from sandbox.processes import MARKER
from tests.running import ROOT, RunningPlatform

LIMIT_SECONDS = 3
LIMIT_MB = 512
MOST_SECONDS_OVER = 2.0

ENDINGS = {
    "raise_error": "failed",
    "return_misfit": "failed",
    "exit_now": "crashed",
    "segfault": "crashed",
    "hang_in_c": "timed_out",
    "ignore_sigterm": "timed_out",
    "stop_itself": "timed_out",
    "allocate_at_once": "memory_exceeded",
    "allocate_in_steps": "memory_exceeded",
    "spread_memory": "memory_exceeded",
    "fork_storm": "failed",
    "write_garbage": "failed",
    "reject": "rejected",
    "fork_grandchildren": "succeeded",
    "print_much": "succeeded",
    "write_nuls": "succeeded",
}


@pytest.fixture(scope="module")
def registered(platform_up: RunningPlatform) -> RunningPlatform:
    done = platform_up.manage("scan_plugins", "--path", str(ROOT / "plugins" / "on-demand"))
    assert done.returncode == 0, done.stderr
    platform_up.wait_for_plugin("troublemaker", "INITIALIZED")
    limits = {"timeout_seconds": LIMIT_SECONDS, "memory_mb": LIMIT_MB}
    answer = platform_up.request("PATCH", "/api/v1/plugins/troublemaker/", json=limits)
    assert answer.status == 200, answer.body
    return platform_up


@pytest.fixture
def up(registered: RunningPlatform) -> RunningPlatform:
    """The platform with its troublemaker in service."""
    if registered.get("/api/v1/plugins/troublemaker/").json["state"] == "FAILED":
        assert restart(registered).status == 202
    registered.wait_for_plugin("troublemaker", "INITIALIZED")
    return registered


def restart(up: RunningPlatform) -> Any:
    return up.post("/api/v1/plugins/troublemaker/restart/", {"reason": "for the next test"})


def living(run_id: str) -> list[str]:
    """Return the processes that carry the run's marker in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == run_id:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("tool", ENDINGS)
def test_each_ending_has_its_own_status_and_leaves_nothing_alive(
    up: RunningPlatform, tool: str
) -> None:
    status = ENDINGS[tool]
    run = up.wait_for_run(up.run_tool("troublemaker", tool)["id"], seconds=30)
    assert run["status"] == status, run["error"]
    assert not living(run["id"])
    assert run["wall_seconds"] < 2 * LIMIT_SECONDS + MOST_SECONDS_OVER
    plugin = up.get("/api/v1/plugins/troublemaker/").json
    if status in ("succeeded", "rejected"):
        assert plugin["state"] == "INITIALIZED"
        return
    assert run["error"]["message"]
    assert plugin["state"] == "FAILED"
    assert up.post("/api/v1/plugins/troublemaker/tools/sleep/run/", {}).status == 409
    assert up.wait_for_run(up.run_tool("echo", "say", text="hello")["id"])["status"] == "succeeded"


def test_a_hanging_run_ends_within_two_seconds_of_its_limit(up: RunningPlatform) -> None:
    run = up.run_tool("troublemaker", "hang_in_c")
    up.wait_for_run(run["id"], "running")
    started = time.monotonic()
    ended = up.wait_for_run(run["id"])
    assert ended["status"] == "timed_out"
    # The plugin's own start comes on top, which has the same limit and takes tenths of a second.
    assert time.monotonic() - started < LIMIT_SECONDS + MOST_SECONDS_OVER


def test_a_run_sees_no_secret_of_the_platform(up: RunningPlatform) -> None:
    paths = [
        str(up.folder / "secret_key"),
        str(up.folder / "db.sqlite3"),
        str(ROOT / "platform" / "config" / "settings.py"),
        "/root",
    ]
    run = up.wait_for_run(up.run_tool("troublemaker", "read_secrets", paths=paths)["id"])
    assert run["status"] == "succeeded", run["error"]
    reached = {attempt["target"] for attempt in run["result"] if attempt["succeeded"]}
    assert reached == {"$HOME", "$LANG", "$PATH", "$SANDBOX_RUN", "$TMPDIR"}


def test_failed_survives_a_restart_of_the_platform_until_a_person_mends_it(
    up: RunningPlatform,
) -> None:
    up.wait_for_run(up.run_tool("troublemaker", "raise_error")["id"])
    up.stop()
    up.start()
    assert up.get("/api/v1/plugins/troublemaker/").json["state"] == "FAILED"
    up.kill_everything()
    up.start()
    plugin = up.get("/api/v1/plugins/troublemaker/").json
    assert (plugin["state"], plugin["code"]) == ("FAILED", "failed")
    done = up.manage("restart_plugin", "troublemaker", "--reason", "looked into it")
    assert done.returncode == 0, done.stderr
    up.wait_for_plugin("troublemaker", "INITIALIZED")
    newest = up.get("/api/v1/plugins/troublemaker/transitions/").json["results"]
    (restarted,) = [entry for entry in newest if entry["reason"] == "looked into it"]
    assert (restarted["from"], restarted["to"]) == ("FAILED", "LOADED")
    assert restarted["actor"].startswith("cli:")
    audit = up.get("/api/v1/audit/?action=plugin.restarted").json["results"]
    assert audit[0]["reason"] == "looked into it"
    assert audit[0]["actor"] == restarted["actor"]
    assert up.get("/api/v1/audit/verify/").json["ok"]
