"""How soon a queued run is started by an idle worker.

The floor is what SQLite alone takes to tell another process: a bare commit, seen by a poll of
`PRAGMA data_version` every 5 ms. Nothing that waits for a commit that way can be faster.

    python -m benchmarks run_queue
"""

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = 200
WORKERS = 2
TARGET_P50_MS = 20.0
PATIENCE_SECONDS = 60
# Not a multiple of any poll's interval, or all samples would fall on the same place in it.
LEAST_PAUSE, MOST_PAUSE = 0.02, 0.08

WATCHER = """
import sqlite3, sys, time
watched = sqlite3.connect(sys.argv[1], isolation_level=None)
version = lambda: watched.execute("PRAGMA data_version").fetchone()[0]
seen = version()
print("ready", flush=True)
while True:
    if (now := version()) != seen:
        print(time.time(), flush=True)
        seen = now
    time.sleep(0.005)
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as name:
        folder = Path(name)
        floor = _floor(folder)
        with _platform(folder):
            ours = _queued_to_started()
    for title, samples in (("bare commit and poll", floor), ("queued to started", ours)):
        p50, p95 = _percentiles(samples)
        print(f"{title:<22} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms")
    p50, p95 = _percentiles(ours)
    floor_p50, floor_p95 = _percentiles(floor)
    print(f"{'ratio to the floor':<22} p50 {p50 / floor_p50:6.1f}      p95 {p95 / floor_p95:6.1f}")
    print(
        f"target: p50 at most {TARGET_P50_MS:g} ms: {'met' if p50 <= TARGET_P50_MS else 'missed'}"
    )


def _floor(folder: Path) -> list[float]:
    file = folder / "floor.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer, _watched(file) as watcher:
        assert watcher.stdout is not None
        samples = []
        for number in range(SAMPLES):
            began = time.time()
            writer.execute("INSERT INTO news VALUES (?)", (number,))
            samples.append(float(watcher.stdout.readline()) - began)
            _pause()
    return samples


@contextmanager
def _watched(file: Path) -> Iterator[subprocess.Popen[str]]:
    with closing(sqlite3.connect(file, isolation_level=None)) as maker:
        maker.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE news (number)"
        )
    watcher = subprocess.Popen(
        [sys.executable, "-c", WATCHER, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert watcher.stdout is not None
    watcher.stdout.readline()
    try:
        yield watcher
    finally:
        watcher.kill()
        watcher.communicate()


@contextmanager
def _platform(folder: Path) -> Iterator[None]:
    """Set this process up as one that asks, beside workers that execute."""
    os.environ |= {
        "BULKHEAD_DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "BULKHEAD_WORKERS": str(WORKERS),
    }
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("scan_plugins", path=[ROOT / "plugins" / "echo"], stdout=sys.stderr)
    workers = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "run_workers"], stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        workers.terminate()
        workers.wait(PATIENCE_SECONDS)


def _queued_to_started() -> list[float]:
    from plugins_app.actors import Actor
    from plugins_app.lifecycle import Via
    from plugins_app.models import Plugin, Run
    from plugins_app.services import runs

    _wait(lambda: Plugin.objects.get(name="echo").state == "INITIALIZED")
    for _ in range(SAMPLES):
        run = runs.start_run(
            plugin="echo", tool="say", input={"text": "x"}, actor=Actor(name="bench"), via=Via.CLI
        )
        _wait(lambda run=run: Run.objects.get(pk=run.pk).finished_at is not None)
        _pause()
    started = Run.objects.filter(started_at__isnull=False).values_list("queued_at", "started_at")
    return [(start - queue).total_seconds() for queue, start in started]


def _wait(condition) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError("the workers do not answer")
        time.sleep(0.02)


def _pause() -> None:
    time.sleep(random.uniform(LEAST_PAUSE, MOST_PAUSE))


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    cuts = quantiles(seconds, n=100)
    return cuts[49] * 1000, cuts[94] * 1000


if __name__ == "__main__":
    main()
