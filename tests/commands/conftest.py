"""Commands called as Django calls them, and as a shell does."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from plugins_app.actors import Actor
from plugins_app.models import Plugin, Run, Worker
from plugins_app.services import catalog, execution

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended. `code` is its exit status."""

    out: str
    err: str
    code: int

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def command() -> Callable[..., Done]:
    """Return a caller of commands, in this process and on its database."""

    def call(name: str, *arguments: Any) -> Done:
        out, err, code = io.StringIO(), io.StringIO(), 0
        try:
            call_command(name, *map(str, arguments), stdout=out, stderr=err)
        except CommandError as error:
            err.write(f"bulkhead: {error}\n")
            code = error.returncode
        return Done(out=out.getvalue(), err=err.getvalue(), code=code)

    return call


@pytest.fixture
def manage(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Return a starter of `manage.py` as a process of its own, on this test's database."""

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=os.environ | _where_we_are(tmp_path) | environment,
        )

    return start


@pytest.fixture
def shell(manage: Callable[..., subprocess.Popen[str]]) -> Callable[..., Done]:
    """Return a caller of `manage.py` that waits for its end."""

    def call(*arguments: str, **environment: str) -> Done:
        process = manage(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        return Done(out=out, err=err, code=process.returncode)

    return call


def _where_we_are(tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "BULKHEAD_DATA_DIR": str(tmp_path),
    }


COUNTER = """
import time
from sandbox.sdk import File, InvalidInput, Plugin, Run, tool

class Counter(Plugin):
    def validate(self) -> None:
        pass

    @tool
    def count(self, run: Run, upto: int = 3) -> dict[str, int]:
        if upto < 0:
            raise InvalidInput("upto must not be below zero")
        for number in range(upto):
            run.emit("number", {"value": number})
            run.progress(number + 1, upto)
        run.log("counted \\x1b[31m", level="warning")
        run.artifact("numbers.txt").write_text("1")
        return {"last": upto - 1}

    @tool
    def measure(self, text: File) -> int:
        return len(text.open().read())

    @tool
    def fail(self) -> None:
        raise RuntimeError("as asked")

    @tool
    def wait(self, run: Run, seconds: float) -> None:
        run.emit("waiting", {})
        time.sleep(seconds)
"""
ANN = Actor(name="ann")


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    return Worker.objects.create(host="here", pid=1, process_started=0.0, queues=["default"])


@pytest.fixture
def register(transactional_db: None, write_plugin: Callable[..., Path]) -> Callable[..., Plugin]:
    """Return a maker of registered and loaded plugins."""

    def make(name: str = "counter", code: str = COUNTER, manifest: str = "") -> Plugin:
        loader = Worker.objects.create(host="gone", pid=2, process_started=0.0)
        catalog.scan(folders=[write_plugin(name, code, manifest)], actor=ANN)
        catalog.load_plugin(name=name, worker_id=loader.pk)
        Worker.objects.filter(pk=loader.pk).update(stopped_at=timezone.now())
        return Plugin.objects.get(name=name)

    return make


@pytest.fixture
def working(worker: Worker) -> Iterator[Worker]:
    """A worker's part, done by a thread: every queued run is executed."""
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(worker, stop))
    thread.start()
    yield worker
    stop.set()
    thread.join()


def _work(worker: Worker, stop: threading.Event) -> None:
    while not stop.wait(0.02):
        for run_id in Run.objects.queued().values_list("pk", flat=True):
            execution.execute_run(run_id=str(run_id), worker_id=worker.pk, should_stop=lambda: None)
    connection.close()
