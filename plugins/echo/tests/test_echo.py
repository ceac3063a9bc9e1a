"""Runs the tools as the platform does: in the sandbox, by the annotations' schemas."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import sandbox

ECHO = sandbox.PluginSource(
    name="echo", folder=Path(__file__).resolve().parents[1], entrypoint="echo:Echo"
)


def run(scratch: Path, tool: str, **given: Any) -> tuple[sandbox.Report, list[sandbox.Event]]:
    events: list[sandbox.Event] = []
    task = sandbox.Task(plugin=ECHO, tool=tool, input=given, label="test-echo")
    return sandbox.run(task, scratch=scratch, on_events=events.extend), events


def test_it_is_ready_and_has_its_two_tools() -> None:
    report = sandbox.load(ECHO, limits=sandbox.Limits(), label="test-echo")
    assert report.problem is None
    assert {tool.name: tool.streams for tool in report.tools} == {"say": False, "emit": True}


def test_a_text_comes_back_counted(tmp_path: Path) -> None:
    report, _events = run(tmp_path, "say", text="to be or not")
    assert report.result == {"text": "to be or not", "letters": 12, "words": 4}


def test_a_blank_text_is_the_callers_fault(tmp_path: Path) -> None:
    report, _events = run(tmp_path, "say", text=" \n")
    assert report.status is sandbox.Status.REJECTED
    assert report.problem is not None
    assert "nothing to say" in report.problem.message


def test_events_come_in_order_and_progress_reaches_the_end(tmp_path: Path) -> None:
    report, events = run(tmp_path, "emit", count=300, text="ship ahoy ⚓")
    assert report.result["count"] == 300
    told = [event.data for event in events if event.kind == "echo"]
    assert told == [{"number": n, "text": "ship ahoy ⚓"} for n in range(1, 301)]
    progress = [event.data for event in events if event.kind == "progress"]
    assert progress[-1] == {"done": 300, "total": 300}


def test_the_interval_is_kept(tmp_path: Path) -> None:
    report, events = run(tmp_path, "emit", count=5, interval_seconds=0.1)
    moments = [event.at for event in events if event.kind == "echo"]
    assert all(0.02 < later - earlier < 0.4 for earlier, later in pairwise(moments))
    assert 0.4 <= report.result["seconds"] < 1.0


def test_no_events_at_all_are_fine(tmp_path: Path) -> None:
    report, events = run(tmp_path, "emit", count=0)
    assert report.result["count"] == 0
    assert [event.kind for event in events] == ["log"]


def test_bounds_are_kept(tmp_path: Path) -> None:
    report, _events = run(tmp_path, "emit", count=-1)
    assert report.status is sandbox.Status.REJECTED
