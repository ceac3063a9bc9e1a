"""A run watched from a terminal: waits for its end, and hands over its events as they come."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from django.core.management.base import OutputWrapper

from plugins_app import hints, registry
from plugins_app.lifecycle import RunStatus, State
from plugins_app.management.printing import plain, seconds, shortened, size
from plugins_app.models import Run, RunEvent
from plugins_app.services import queue

LOOK_AGAIN_SECONDS: Final = 0.5
"""A hint may be late or lost; the store is looked at this often all the same."""

ASK_FOR_WORKERS_SECONDS: Final = 2.0
EVENTS_AT_ONCE: Final = 500
BAR_WIDTH: Final = 30
LINE_WIDTH: Final = 110

NO_WORKER: Final = (
    "no worker is running, so the run waits. `python manage.py up` starts the platform with its "
    "workers; Ctrl-C here cancels the run."
)
NO_WORKER_TO_LOAD: Final = (
    "no worker is running to load the plugin. `python manage.py up` starts the platform with its "
    "workers."
)
LOADING_SECONDS: Final = 30.0


def wait_while_loading(plugin: str, *, tell: Callable[[str], None]) -> None:
    """Give a plugin that was registered a moment ago the time to be loaded, where a worker can."""
    if not _is_loading(plugin):
        return
    if not queue.is_served(queue.DEFAULT_QUEUE):
        tell(NO_WORKER_TO_LOAD)
        return
    deadline = time.monotonic() + LOADING_SECONDS
    with hints.listen() as doorbell:
        while _is_loading(plugin) and time.monotonic() < deadline:
            doorbell.wait(LOOK_AGAIN_SECONDS)


def _is_loading(plugin: str) -> bool:
    snapshot = registry.get(plugin)
    return snapshot is not None and snapshot.state == State.LOADED and not snapshot.tools


@dataclass(kw_only=True)
class Watch:
    """Waits for one run. `on_event` gets every event in order; `tell` gets words for people."""

    run: Run
    tell: Callable[[str], None]
    on_event: Callable[[RunEvent], None] | None = None
    _seq: int = 0
    _has_told: bool = False
    _asked_at: float = field(default=-float("inf"))

    def until_end(self, *, patience_seconds: float) -> bool:
        """Return True when the run has ended, False when patience has. May be called again."""
        deadline = time.monotonic() + patience_seconds
        with hints.listen() as doorbell:
            while True:
                # First the status, then the events: what ended has said all it will say.
                self.run.refresh_from_db()
                self._hand_over_events()
                if RunStatus(self.run.status).is_final:
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._ask_for_workers()
                doorbell.wait(min(left, LOOK_AGAIN_SECONDS))

    def _hand_over_events(self) -> None:
        if self.on_event is None:
            return
        while events := list(self.run.events.after(self._seq, limit=EVENTS_AT_ONCE)):
            for event in events:
                self.on_event(event)
            self._seq = events[-1].seq

    def _ask_for_workers(self) -> None:
        if self._has_told or time.monotonic() - self._asked_at < ASK_FOR_WORKERS_SECONDS:
            return
        self._asked_at = time.monotonic()
        if self.run.status == RunStatus.QUEUED and not queue.is_served(self.run.queue):
            self._has_told = True
            self.tell(NO_WORKER)


class ProgressBar:
    """One line at the bottom of a terminal; nothing where the stream is none."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._line = ""

    def show(self, done: float, total: float | None) -> None:
        self._line = bar(done, total)
        self._draw()

    def above(self, write: Callable[[], None]) -> None:
        """Have something written above the bar."""
        self.clear()
        write()
        self._draw()

    def clear(self) -> None:
        self._write("\r\x1b[K")

    def _draw(self) -> None:
        self._write(f"\r\x1b[K{self._line}")

    def _write(self, text: str) -> None:
        if self._is_terminal and self._line:
            self._stream.write(text, str, ending="")
            self._stream.flush()


def bar(done: float, total: float | None) -> str:
    if not total or total <= 0:
        return f"{done:g} done"
    share = min(1.0, max(0.0, done / total))
    filled = round(share * BAR_WIDTH)
    return f"[{'█' * filled}{'·' * (BAR_WIDTH - filled)}] {share:4.0%}  {done:g} of {total:g}"


def event_line(event: RunEvent, *, run: Run) -> str:
    started = run.started_at or run.queued_at
    at = (event.at - started).total_seconds()
    line = f"{seconds(max(0.0, at)):>9}  {event.kind:<10} {_words(event)}"
    return shortened(plain(line, keep_lines=False), LINE_WIDTH)


def ending_line(run: Run) -> str:
    facts = [str(run.status)]
    if run.wall_seconds is not None:
        facts.append(f"in {seconds(run.wall_seconds)}")
    if run.peak_memory_bytes:
        facts.append(f"with {size(run.peak_memory_bytes)} at most")
    if run.event_count:
        facts.append(f"and {run.event_count:,} events")
    return " ".join(facts)


def progress_of(event: RunEvent) -> tuple[float, float | None] | None:
    """Done and total, where EVENT tells of progress; a plugin may emit anything by that name."""
    match event.kind, event.data:
        case (
            "progress",
            {"done": int() | float() as done, "total": int() | float() | None as total},
        ):
            return done, total
    return None


def _words(event: RunEvent) -> str:
    if progress := progress_of(event):
        return bar(*progress)
    match event.kind, event.data:
        case "log", {"message": str() as message, "level": level}:
            return message if level == "info" else f"{level}: {message}"
        case "artifact", {"name": name, "size": int() as length}:
            return f"{name} ({size(length)})"
    return json.dumps(event.data, ensure_ascii=False)
