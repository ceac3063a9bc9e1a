"""Standby children: ready before they are needed, used once, thrown away.

    nursery = sandbox.Nursery(root=scratch_root)
    report = nursery.run(task, scratch=folder, on_events=print)

The first run of a plugin goes the plain way. After it a template is made in the background: the
plugin, loaded and walled in, of which standbys are forked in a millisecond; a plugin that cannot
be forked (threads, CUDA) gets a standby that is started afresh. Both wait for a call, so a run costs
what its tool costs.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from sandbox.artifacts import collect_artifacts
from sandbox.batches import EventBatcher
from sandbox.conversation import Conversation, Watchers, ignore, never
from sandbox.family import Family
from sandbox.limits import Limits
from sandbox.messages import Call
from sandbox.orders import Confines
from sandbox.reporting import announce, judged, report_of
from sandbox.reports import Event, Report, Status
from sandbox.runner import checked_files, prepared, run
from sandbox.source import PluginSource, Task
from sandbox.standby import Standby
from sandbox.transcript import Transcript

MOST_FAMILIES: Final = 4
IDLE_SECONDS: Final = 600.0
PATIENCE_SECONDS: Final = 0.05
# How a plugin ends that is worth getting ready for again.
HEALTHY: Final = frozenset({Status.SUCCEEDED, Status.REJECTED, Status.CANCELLED})


class Nursery:
    """Keeps standbys of at most MOST plugins, those used last, below the folder ROOT.

    ROOT should be on the file system of the runs' scratch folders: what a run leaves is moved. One
    nursery belongs to one process; threads may share it. Close it, or its process's end will.
    """

    def __init__(
        self, *, root: Path, most: int = MOST_FAMILIES, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._root = root
        self._most = most
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._families: dict[str, Family] = {}
        self._owner = os.getpid()
        self._closed = False

    def run(
        self,
        task: Task,
        *,
        scratch: Path,
        on_events: Callable[[Sequence[Event]], None],
        on_preview: Callable[[bytes], None] = ignore,
        cancelled: Callable[[], str | None] = never,
    ) -> Report:
        """Run one tool once, in a standby where there is one; as `sandbox.run` in all else."""
        watchers: dict[str, Any] = {
            "on_events": on_events,
            "on_preview": on_preview,
            "cancelled": cancelled,
        }
        with self._standby_for(task) as standby:
            if standby is None:
                report = run(task, scratch=scratch, **watchers)
            else:
                report = _run_in(standby, task, scratch=scratch, **watchers)
        self._get_ready(task, report)
        return report

    def prepare(self, plugin: PluginSource, *, limits: Limits, seconds: float = 0.0) -> str:
        """Begin to make standbys of PLUGIN; return in at most SECONDS whether they are there.

        `forked`, `afresh`, or empty for not yet or not at all.
        """
        give_up = time.monotonic() + seconds
        kind = ""
        while not kind and not self._closed:
            with self._lock:
                family = self._family(plugin, limits)
                kind = family.kind(min(PATIENCE_SECONDS, max(0.0, give_up - time.monotonic())))
            if family.is_dead or time.monotonic() >= give_up:
                break
        return kind

    def tidy(self) -> None:
        """Let go of what has been idle for long. Costs next to nothing; call it now and then."""
        now = time.monotonic()
        with self._lock:
            self._forget_what_a_fork_brought()
            for name, family in list(self._families.items()):
                if now - family.last_used > self._idle_seconds and not family.is_busy:
                    self._families.pop(name).close()

    def close(self) -> None:
        """Let go of everything, for good: what is run from now on goes the plain way."""
        with self._lock:
            self._closed = True
            self._forget_what_a_fork_brought()
            for family in self._families.values():
                family.close()
            self._families.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _standby_for(self, task: Task) -> Iterator[Standby | None]:
        with self._lock:
            family = self._known(task.plugin)
            standby = family.take() if family else None
        try:
            yield standby
        finally:
            if family is not None and standby is not None:
                with self._lock:
                    family.put_back(standby)

    def _get_ready(self, task: Task, report: Report) -> None:
        with self._lock:
            if self._closed:
                return
            if report.status in HEALTHY:
                self._family(task.plugin, task.limits).provide()
            elif family := self._families.pop(task.plugin.name, None):
                family.close()

    def _known(self, plugin: PluginSource) -> Family | None:
        """Return the family of PLUGIN as it is now; one of another state of it goes at once."""
        self._forget_what_a_fork_brought()
        family = self._families.get(plugin.name)
        if family is not None and not family.is_of(plugin):
            self._families.pop(plugin.name).close()
            return None
        return family

    def _family(self, plugin: PluginSource, limits: Limits) -> Family:
        family = self._known(plugin)
        if family is None or family.is_dead:
            if family is not None:
                self._families.pop(plugin.name).close()
            self._make_room()
            family = Family(plugin, limits, self._root)
        # Put last: the first of a dict is the one used longest ago.
        self._families.pop(plugin.name, None)
        self._families[plugin.name] = family
        return family

    def _make_room(self) -> None:
        idle = [name for name, family in self._families.items() if not family.is_busy]
        for name in idle[: max(0, len(self._families) - self._most + 1)]:
            self._families.pop(name).close()

    def _forget_what_a_fork_brought(self) -> None:
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._families = {}


def _run_in(
    standby: Standby,
    task: Task,
    *,
    scratch: Path,
    on_events: Callable[[Sequence[Event]], None],
    on_preview: Callable[[bytes], None],
    cancelled: Callable[[], str | None],
) -> Report:
    started = time.monotonic()
    watchers = Watchers(batcher=EventBatcher(on_events), on_preview=on_preview, cancelled=cancelled)
    limits = task.limits
    confines = _confines(task)
    files = standby.nest.put_in(standby.slot, checked_files(task))
    call = Call(tool=task.tool, input=dict(task.input), files=files, confines=confines.to_message())
    call.stays = standby.runs_left > 1
    standby.has_stayed = False
    scratch = prepared(scratch)
    kept = standby.kept
    try:
        kept.begin(confines, deadline=time.monotonic() + limits.timeout_seconds)
        talk = Conversation(kept, limits, watchers)
        talk.take_over(call, heard=_heard(standby, limits))
        _settle(standby, talk)
    finally:
        if not standby.has_stayed:
            kept.let_go()
        standby.nest.take_out(standby.slot, scratch)
    verdict = judged(talk, limits)
    harvest = collect_artifacts(scratch, talk.transcript.artifact_names)
    announce(harvest, watchers.batcher)
    report = report_of(talk, verdict, harvest, wall_seconds=time.monotonic() - started)
    standby.guards = standby.guards or report.guards
    return replace(report, guards=standby.guards)


def _settle(standby: Standby, talk: Conversation) -> None:
    """Keep the child of a run that went well for the next, if it may do another."""
    standby.runs_left -= 1
    if talk.has_stayed and (took := standby.kept.settle()) is not None:
        talk.ended = took
        standby.has_stayed = True


def _confines(task: Task) -> Confines:
    limits = task.limits
    return Confines(
        label=task.label,
        memory_bytes=limits.memory_bytes,
        scratch_bytes=limits.scratch_bytes,
        processes=limits.processes,
        open_files=limits.open_files,
        frame_bytes=limits.frame_bytes,
    )


def _heard(standby: Standby, limits: Limits) -> Transcript | None:
    if not standby.guards:
        return None
    return Transcript.of_standby(
        standby.guards, frame_bytes=limits.frame_bytes, events=limits.events
    )
