"""What a run costs on this machine, beside a bare fork of this process. For a first impression."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles
from typing import Final

from sandbox.nursery import Nursery
from sandbox.reports import Report, Status
from sandbox.runner import run
from sandbox.source import PluginSource, Task

SAMPLES: Final = 100
SLOW_SAMPLES: Final = 10
PAUSE_SECONDS: Final = 0.02
READY_SECONDS: Final = 30.0
NOTHING: Final = """
from sandbox.sdk import Plugin, tool

class Nothing(Plugin):
    def validate(self) -> None: ...

    @tool
    def nothing(self) -> None: ...
"""


def measure() -> Iterator[tuple[str, float, float]]:
    """Yield what was measured, with the 50th and 99th percentile in seconds."""
    yield "fork, _exit, wait", *_percentiles(_fork, SAMPLES)
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as name:
        folder = Path(name)
        (folder / "nothing.py").write_text(NOTHING, encoding="utf-8")
        plugin = PluginSource(
            name="nothing", folder=folder, entrypoint="nothing:Nothing", revision="bench"
        )
        task = Task(plugin=plugin, tool="nothing")
        with Nursery(root=folder / "nests") as nursery:
            kind = nursery.prepare(plugin, limits=task.limits, seconds=READY_SECONDS)
            ready = _percentiles(lambda: _do(nursery.run, task, folder), SAMPLES)
        yield f"guarded run, standby {kind or 'missing'}", *ready
        afresh = _percentiles(lambda: _do(run, task, folder), SLOW_SAMPLES)
        yield "guarded run, process afresh", *afresh


def _do(how: Callable[..., Report], task: Task, folder: Path) -> None:
    report = how(task, scratch=folder / "scratch", on_events=lambda _events: None)
    if report.status is not Status.SUCCEEDED:
        raise ValueError(f"a run that does nothing ended as {report.status}: {report.problem}")


def _fork() -> None:
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _percentiles(act: Callable[[], None], samples: int) -> tuple[float, float]:
    seconds = []
    for _ in range(samples):
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
        time.sleep(PAUSE_SECONDS)
    cuts = quantiles(seconds, n=100, method="inclusive")
    return cuts[49], cuts[98]
