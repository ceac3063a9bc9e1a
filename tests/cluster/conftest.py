"""Real clusters, as processes of their own, on the test's own database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection

from plugins_app.actors import Actor
from plugins_app.lifecycle import RunStatus, Via
from plugins_app.models import Plugin, Run, Worker
from plugins_app.services import catalog, runs
from tests.servers import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
ANN = Actor(name="ann")
STOP_SECONDS = 12

SAILOR = """
import time
from sandbox.sdk import Plugin, Run, tool

class Sailor(Plugin):
    def validate(self) -> None:
        pass

    @tool
    def work(self, run: Run, seconds: float = 0.0) -> None:
        run.emit("working", {})
        time.sleep(seconds)
"""


@dataclass(kw_only=True)
class ClusterProcess:
    """One `manage.py run_workers`, and all that belongs to it."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "workers.log").read_text()

    @property
    def sentinel(self) -> int:
        return psutil.Process(self.process.pid).children()[0].pid

    def workers(self) -> list[int]:
        return [p.pid for p in self._below_sentinel() if p.pid in _announced()]

    def monitor(self) -> int:
        return self._attendants()[0]

    def pusher(self) -> int:
        return self._attendants()[1]

    def processes(self) -> list[psutil.Process]:
        """Every live process of it, found by its data directory: orphans and plugins' too."""
        return [p for p in psutil.process_iter() if self._is_ours(p)]

    def wait_until_ready(self, count: int) -> None:
        wait_for(lambda: self._is_complete(count), what=f"{count} workers; it says: {self.log}")

    def stop(self) -> float:
        """SIGTERM; return the seconds that took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_SECONDS)
        return time.monotonic() - started

    def _is_complete(self, count: int) -> bool:
        assert self.process.poll() is None, self.log
        try:
            return len(self.workers()) == count and len(self._below_sentinel()) == count + 2
        except (psutil.NoSuchProcess, IndexError):
            return False

    def _below_sentinel(self) -> list[psutil.Process]:
        children = psutil.Process(self.sentinel).children()
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def _attendants(self) -> list[int]:
        # The sentinel starts its monitor first, then its pusher.
        workers = _announced()
        others = [p for p in self._below_sentinel() if p.pid not in workers]
        return [p.pid for p in sorted(others, key=lambda p: (p.create_time(), p.pid))]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                return False
            return any(str(self.folder) in value for value in process.environ().values())
        except psutil.Error:
            return False


@pytest.fixture
def start_cluster(
    transactional_db: None, tmp_path: Path
) -> Iterator[Callable[..., ClusterProcess]]:
    """Return a starter of clusters; at the end each has stopped by itself and left nothing."""
    started: list[ClusterProcess] = []

    def start(*, workers: int = 2, queue: str = "default", **variables: str) -> ClusterProcess:
        words = ("run_workers", "--queue", queue, "--workers", str(workers))
        with (tmp_path / "workers.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", *words],
                stdout=log,
                stderr=log,
                env=os.environ | where_we_are(tmp_path) | variables,
                start_new_session=True,
            )
        cluster = ClusterProcess(process=process, folder=tmp_path)
        started.append(cluster)
        cluster.wait_until_ready(workers)
        return cluster

    yield start
    for cluster in started:
        _end(cluster)
    for cluster in started:
        _hold_to_leaving_nothing(cluster)


@pytest.fixture
def sailor(transactional_db: None, write_plugin: Callable[..., Path]) -> Plugin:
    """A plugin that works as long as it is told to, in service."""
    loader = Worker.objects.create(host="ashore", pid=1, process_started=0.0)
    catalog.scan(folders=[write_plugin("sailor", SAILOR)], actor=ANN)
    catalog.load_plugin(name="sailor", worker_id=loader.pk)
    loader.delete()
    return Plugin.objects.get(name="sailor")


@pytest.fixture
def ask(sailor: Plugin) -> Callable[..., Run]:
    """Return a queuer of the sailor's runs."""

    def ask(seconds: float = 0.0) -> Run:
        return runs.start_run(
            plugin="sailor", tool="work", input={"seconds": seconds}, actor=ANN, via=Via.API
        )

    return ask


def status(run: Run) -> str:
    return str(Run.objects.values_list("status", flat=True).get(pk=run.pk))


def wait_for_status(run: Run, wanted: RunStatus, *, seconds: float = 20) -> Run:
    wait_for(lambda: status(run) == wanted, what=f"{run} to be {wanted}", seconds=seconds)
    return Run.objects.get(pk=run.pk)


def begin(ask: Callable[..., Run], seconds: float) -> Run:
    """Queue a run and return it when its plugin's code is at work."""
    run = ask(seconds)
    wait_for(lambda: run.events.exists(), what="the run's first event")
    return Run.objects.get(pk=run.pk)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    os.kill(pid, number)


def _announced() -> set[int]:
    return set(Worker.objects.alive().values_list("pid", flat=True))


def _end(cluster: ClusterProcess) -> None:
    if cluster.process.poll() is None:
        cluster.process.terminate()
        try:
            cluster.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            cluster.process.kill()
            cluster.process.wait(STOP_SECONDS)


def _hold_to_leaving_nothing(cluster: ClusterProcess) -> None:
    left = cluster.processes()
    for process in left:
        process.kill()
    assert not left, f"{left} were left behind; the cluster said: {cluster.log}"


def where_we_are(folder: Path) -> dict[str, Any]:
    """What a command needs to see to work on this test's database."""
    return {
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "BULKHEAD_DATA_DIR": str(folder),
        # Tasks are signed: whoever puts them there and whoever takes them share the key.
        "BULKHEAD_SECRET_KEY": settings.SECRET_KEY,
    }
