"""A progress bar on a real terminal, and the words for events."""

import os
import pty
from collections.abc import Iterator

import pytest
from django.core.management.base import OutputWrapper
from django.utils import timezone

from plugins_app.management.following import ProgressBar, bar, event_line, progress_of
from plugins_app.models import Run, RunEvent


def event(kind: str, data: object, **delay: float) -> tuple[RunEvent, Run]:
    run = Run(started_at=timezone.now())
    return RunEvent(
        seq=1, at=run.started_at + timezone.timedelta(**delay), kind=kind, data=data
    ), run


@pytest.mark.parametrize(
    ("done", "total", "words"),
    [
        (0, 10, " 0%  0 of 10"),
        (5, 10, "50%  5 of 10"),
        (20, 10, "100%  20 of 10"),
        (7, None, "7 done"),
        (7, 0, "7 done"),
    ],
)
def test_a_bar_says_how_far_it_is(done: float, total: float | None, words: str) -> None:
    assert bar(done, total).endswith(words)


@pytest.mark.parametrize("data", [{}, [], None, {"done": "x", "total": 3}, {"done": 1}])
def test_a_plugin_may_emit_anything_as_progress(data: object) -> None:
    told, run = event("progress", data)
    assert progress_of(told) is None
    assert "progress" in event_line(told, run=run)


def test_an_event_has_its_time_since_the_start() -> None:
    told, run = event("tracks", {"frame": 3}, seconds=1.5)
    assert event_line(told, run=run) == '   1.50 s  tracks     {"frame": 3}'


def test_a_long_event_is_cut_to_a_line() -> None:
    told, run = event("tracks", {"numbers": list(range(1000))})
    assert len(event_line(told, run=run)) <= 110


@pytest.fixture
def terminal() -> Iterator[tuple[OutputWrapper, int]]:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream:
        yield OutputWrapper(stream), leader
    os.close(leader)


def test_on_a_terminal_the_bar_stays_below_what_is_written(
    terminal: tuple[OutputWrapper, int],
) -> None:
    stream, leader = terminal
    progress = ProgressBar(stream)
    progress.show(1, 2)
    progress.above(lambda: stream.write("words"))
    progress.clear()
    shown = os.read(leader, 4096).decode()
    drawn = f"\r\x1b[K{bar(1, 2)}"
    assert shown == f"{drawn}\r\x1b[Kwords\r\n{drawn}\r\x1b[K"


def test_elsewhere_nothing_is_drawn(tmp_path: object) -> None:
    with (tmp_path / "file").open("w") as stream:
        progress = ProgressBar(OutputWrapper(stream))
        progress.show(1, 2)
        progress.clear()
    assert (tmp_path / "file").read_text() == ""
