"""Every tool of the troublemaker ends in its own way, in time, and leaves no process behind."""

import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

import sandbox
from sandbox import GuardState, Status
from sandbox.processes import MARKER

FOLDER = Path(__file__).resolve().parents[2] / "plugins" / "on-demand" / "troublemaker"
TROUBLEMAKER = sandbox.PluginSource(
    name="troublemaker", folder=FOLDER, entrypoint="troublemaker:Troublemaker"
)
TIMEOUT_SECONDS = 1.5
LIMITS = sandbox.Limits(
    timeout_seconds=TIMEOUT_SECONDS,
    memory_bytes=192 << 20,
    scratch_bytes=32 << 20,
    processes=64,
)
ENDS = {
    "sleep": Status.SUCCEEDED,
    "reject": Status.REJECTED,
    "raise_error": Status.FAILED,
    "return_misfit": Status.FAILED,
    "exit_now": Status.CRASHED,
    "segfault": Status.CRASHED,
    "hang_in_c": Status.TIMED_OUT,
    "ignore_sigterm": Status.TIMED_OUT,
    "stop_itself": Status.TIMED_OUT,
    "allocate_at_once": Status.MEMORY_EXCEEDED,
    "allocate_in_steps": Status.MEMORY_EXCEEDED,
    "spread_memory": Status.MEMORY_EXCEEDED,
    "fork_grandchildren": Status.SUCCEEDED,
    "fork_storm": Status.FAILED,
    "fill_scratch": Status.FAILED,
    "print_much": Status.SUCCEEDED,
    "write_nuls": Status.SUCCEEDED,
    "write_garbage": Status.FAILED,
    "open_network": Status.SUCCEEDED,
    "read_secrets": Status.SUCCEEDED,
    "signal_outside": Status.SUCCEEDED,
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    report: sandbox.Report
    events: tuple[sandbox.Event, ...]
    took: float
    left: tuple[int, ...]

    @property
    def code(self) -> str:
        assert self.report.problem is not None
        return self.report.problem.code


Make = Callable[..., Outcome]


@pytest.fixture
def make_trouble(tmp_path: Path) -> Make:
    def run(tool: str, **given: Any) -> Outcome:
        events: list[sandbox.Event] = []
        label = uuid.uuid4().hex
        task = sandbox.Task(plugin=TROUBLEMAKER, tool=tool, input=given, limits=LIMITS, label=label)
        began = time.monotonic()
        report = sandbox.run(task, scratch=tmp_path / label, on_events=events.extend)
        took = time.monotonic() - began
        return Outcome(report=report, events=tuple(events), took=took, left=_left(label))

    return run


def _left(label: str) -> tuple[int, ...]:
    """The processes that still carry the run's mark."""
    mark = f"{MARKER}={label}".encode()
    return tuple(
        process.pid
        for process in psutil.process_iter()
        if mark in _environment(process.pid).split(b"\0")
    )


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # it ended meanwhile, or is a zombie
        return b""


def _enforced(name: str, report: sandbox.Report) -> bool:
    return any(g.name == name and g.state is GuardState.ENFORCED for g in report.guards)


def test_it_loads_and_every_tool_has_its_expected_end() -> None:
    report = sandbox.load(TROUBLEMAKER, limits=LIMITS, label="test-troublemaker")
    assert report.problem is None
    assert {tool.name for tool in report.tools} == set(ENDS)
    assert all(tool.title and tool.description for tool in report.tools)


@pytest.mark.parametrize("tool", ENDS)
def test_each_tool_ends_in_its_own_status_in_time_and_nothing_lives_on(
    make_trouble: Make, tool: str
) -> None:
    outcome = make_trouble(tool)
    assert outcome.report.status is ENDS[tool], outcome.report.problem
    assert outcome.took < TIMEOUT_SECONDS + 2.0
    assert outcome.left == ()


def test_after_the_worst_the_next_run_is_served(make_trouble: Make) -> None:
    for tool in ("fork_storm", "write_garbage", "segfault"):
        make_trouble(tool)
        assert make_trouble("sleep", seconds=0.0).report.status is Status.SUCCEEDED


def test_codes_tell_the_failures_apart(make_trouble: Make) -> None:
    codes = {
        "raise_error": "exception",
        "return_misfit": "bad_result",
        "fork_storm": "too_many_processes",
        "fill_scratch": "scratch_exceeded",
        "write_garbage": "protocol_error",
    }
    assert {tool: make_trouble(tool).code for tool in codes} == codes


def test_a_crash_names_its_exit_code_or_signal(make_trouble: Make) -> None:
    assert make_trouble("exit_now", code=42).report.exit_code == 42
    assert make_trouble("segfault").report.signal == "SIGSEGV"


def test_grandchildren_really_started(make_trouble: Make) -> None:
    assert make_trouble("fork_grandchildren", count=4).report.result == {"left_behind": 4}


def test_ten_megabytes_of_output_hold_nothing_up(make_trouble: Make) -> None:
    outcome = make_trouble("print_much", megabytes=10)
    assert outcome.report.result == {"bytes": 10 << 20}
    assert all(event.kind == "log" for event in outcome.events)
    assert sum(len(event.data["message"]) for event in outcome.events) <= 17 << 20


def test_what_is_no_text_arrives_as_text(make_trouble: Make) -> None:
    outcome = make_trouble("write_nuls")
    said = [event.data["message"] for event in outcome.events if event.kind == "log"]
    assert any("bad" in line for line in said)
    assert all(line.encode("utf-8") for line in said)


def test_no_network_can_be_reached(make_trouble: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        outcome = make_trouble("open_network", host="127.0.0.1", port=port)
    if not _enforced("network", outcome.report):
        pytest.skip("this machine can enforce no network guard")
    assert outcome.report.result["succeeded"] is False


def test_no_secret_can_be_read(make_trouble: Make, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the platform's own")
    outcome = make_trouble("read_secrets", paths=[str(secret), str(tmp_path), "/etc/shadow"])
    if not _enforced("files", outcome.report):
        pytest.skip("this machine can enforce no files guard")
    attempts = outcome.report.result
    assert [attempt["succeeded"] for attempt in attempts[:3]] == [False] * 3
    names = {attempt["target"] for attempt in attempts[3:]}
    assert not [name for name in names if "SECRET" in name or "DATABASE" in name]
    assert "$DJANGO_SETTINGS_MODULE" not in names


def test_no_process_outside_can_be_signalled(make_trouble: Make) -> None:
    outcome = make_trouble("signal_outside", pid=os.getpid())
    if not _enforced("signals", outcome.report):
        pytest.skip("this machine can enforce no signals guard")
    assert outcome.report.result["succeeded"] is False
