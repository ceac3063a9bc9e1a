"""What a guarded run costs, beside the floor and beside others that isolate.

A run that does nothing, of plugins of four sizes, from dispatch to result, all guards on. The floor
is the bare `fork`, `_exit`, `wait` of a process of the same size, in the same run: no isolation can
be cheaper that gives each run a process of its own.

    python -m benchmarks sandbox
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import sandbox

ROOT = Path(__file__).resolve().parent.parent
FAST_SAMPLES = 200
SLOW_SAMPLES = 5
SUSTAINED_RUNS = 300
# Between two measured runs: a standby is made ready while nobody waits.
PAUSE_SECONDS = 0.02
TIMES_FASTER_THAN_A_FRESH_TORCH = 500

SIZES = {
    "bare": "",
    "numpy": "import numpy",
    "torch": "import torch",
    "torch, 236 MB model": "import torch; weights = torch.ones(59_000_000)",
}
PLUGIN = """
{imports}
from sandbox.sdk import Plugin, tool

class Nothing(Plugin):
    def validate(self) -> None: ...

    @tool
    def nothing(self) -> None: ...
"""
FLOOR = """
import os, sys, time
sys.path[:0] = [{root!r}, {folder!r}]
import sandbox, nothing

def once():
    started = time.perf_counter()
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return time.perf_counter() - started

for _ in range(20):
    once()
print(*(once() for _ in range({samples})))
"""
LIMITS = sandbox.Limits(memory_bytes=4 << 30)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Seconds a run, and runs a second one after the other; None where that is not asked."""

    p50: float
    p99: float
    rate: float | None = None


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
        for name, imports in SIZES.items():
            plugin = _write_plugin(Path(folder), name, imports)
            figures = dict(_measured(Path(folder), plugin, imports))
            print(f"\n{name}")
            for row, row_figures in figures.items():
                print(_line(row, row_figures, figures["floor: fork, _exit, wait"]))
            _judge(name, figures)


def _measured(
    folder: Path, plugin: sandbox.PluginSource, imports: str
) -> Iterator[tuple[str, Figures]]:
    yield "floor: fork, _exit, wait", _floor(plugin)
    with sandbox.Nursery(root=folder / "nests") as nursery:
        kind = nursery.prepare(plugin, limits=LIMITS, seconds=60)
        yield f"standby ({kind or 'none came'})", _nursery(nursery, plugin, folder)
    yield "sandbox.run, a process afresh", _figures(lambda: _run(sandbox.run, plugin, folder))
    fresh = [sys.executable, "-c", imports or "pass"]
    yield "python -c, with its imports", _figures(lambda: subprocess.run(fresh, check=True))
    with suppress(ImportError):
        yield "pebble, a process per task", _pebble(imports)
    if bubblewrap := shutil.which("bwrap"):
        walls = [bubblewrap, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/"]
        command = [*walls, "--dev", "/dev", "--proc", "/proc", *fresh]
        yield "bubblewrap, python -c", _figures(lambda: subprocess.run(command, check=True))


def _floor(plugin: sandbox.PluginSource) -> Figures:
    code = FLOOR.format(root=str(ROOT), folder=str(plugin.folder), samples=FAST_SAMPLES)
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    seconds = [float(word) for word in printed.split()]
    return _of(seconds, rate=len(seconds) / sum(seconds))


def _nursery(nursery: sandbox.Nursery, plugin: sandbox.PluginSource, folder: Path) -> Figures:
    seconds = []
    for _ in range(FAST_SAMPLES):
        time.sleep(PAUSE_SECONDS)
        seconds.append(_timed(lambda: _run(nursery.run, plugin, folder)))
    started = time.perf_counter()
    for _ in range(SUSTAINED_RUNS):
        _run(nursery.run, plugin, folder)
    return _of(seconds, rate=SUSTAINED_RUNS / (time.perf_counter() - started))


def _run(run: Callable[..., sandbox.Report], plugin: sandbox.PluginSource, folder: Path) -> None:
    task = sandbox.Task(plugin=plugin, tool="nothing", limits=LIMITS)
    report = run(task, scratch=folder / "scratch", on_events=lambda _events: None)
    assert report.status is sandbox.Status.SUCCEEDED, report.problem


def _pebble(imports: str) -> Figures:
    from pebble import ProcessPool

    with ProcessPool(max_workers=1, max_tasks=1) as pool:
        return _figures(lambda: pool.schedule(_execute, args=(imports,), timeout=60).result())


def _execute(imports: str) -> None:
    exec(imports, {})


def _figures(act: Callable[[], object]) -> Figures:
    return _of([_timed(act) for _ in range(SLOW_SAMPLES)])


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _of(seconds: list[float], *, rate: float | None = None) -> Figures:
    cuts = quantiles(seconds, n=100, method="inclusive")
    return Figures(p50=cuts[49], p99=cuts[98], rate=rate)


def _write_plugin(folder: Path, name: str, imports: str) -> sandbox.PluginSource:
    home = folder / name.replace(" ", "-").replace(",", "")
    home.mkdir()
    (home / "nothing.py").write_text(PLUGIN.format(imports=imports))
    return sandbox.PluginSource(
        name=name, folder=home, entrypoint="nothing:Nothing", revision="benchmark"
    )


def _line(row: str, figures: Figures, floor: Figures) -> str:
    rate = f"{figures.rate:7.0f}/s" if figures.rate else " " * 9
    times = figures.p50 / floor.p50
    p50, p99 = figures.p50 * 1e3, figures.p99 * 1e3
    return f"  {row:32} p50 {p50:9.2f} ms   p99 {p99:9.2f} ms  {rate}  {times:8.1f} × the floor"


def _judge(name: str, figures: dict[str, Figures]) -> None:
    floor = figures["floor: fork, _exit, wait"]
    ours = next(found for row, found in figures.items() if row.startswith("standby"))
    fresh = figures["python -c, with its imports"]
    assert ours.rate is not None
    assert floor.rate is not None
    _goal("p50 at most the floor's", ours.p50 / floor.p50, "×", ours.p50 <= floor.p50)
    _goal(
        "rate at least half the floor's", ours.rate / floor.rate, "×", 2 * ours.rate >= floor.rate
    )
    if name == "torch":
        times = fresh.p50 / ours.p50
        met = times >= TIMES_FASTER_THAN_A_FRESH_TORCH
        _goal(f"{TIMES_FASTER_THAN_A_FRESH_TORCH} times a fresh process", times, "×", met)
    others = [
        found.p50 for row, found in figures.items() if not row.startswith(("floor", "standby"))
    ]
    _goal("faster than all that isolate", min(others) / ours.p50, "×", ours.p50 < min(others))


def _goal(what: str, figure: float, unit: str, met: bool) -> None:
    print(f"  goal: {what:32} {figure:8.2f} {unit}  {'met' if met else 'NOT met'}")


if __name__ == "__main__":
    main()
