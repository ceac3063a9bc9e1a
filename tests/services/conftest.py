"""A catalogue with real plugins, loaded and run in the real sandbox, without a cluster around it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins_app.actors import Actor
from plugins_app.lifecycle import Via
from plugins_app.models import Plugin, Run, Worker
from plugins_app.services import catalog, execution, runs, sandboxing

ANN = Actor(name="ann")

COUNTER = """
from sandbox.sdk import InvalidInput, Plugin, Run, tool

class Counter(Plugin):
    def validate(self) -> None:
        pass

    @tool
    def count(self, run: Run, upto: int = 3) -> dict[str, int]:
        if upto < 0:
            raise InvalidInput("upto must not be below zero")
        for number in range(upto):
            run.emit("number", {"value": number})
        run.artifact("numbers.txt").write_text(" ".join(map(str, range(upto))))
        return {"last": upto - 1}

    @tool
    def fail(self) -> None:
        raise RuntimeError("as asked")

    @tool
    def wait(self, seconds: float) -> None:
        import time
        time.sleep(seconds)
"""


@pytest.fixture(autouse=True)
def _no_standbys(settings: Any) -> None:
    """One run for each plugin gains nothing from them."""
    settings.STANDBY_PLUGINS = 0


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    return Worker.objects.create(host="here", pid=1, process_started=0.0, queues=["default"])


@pytest.fixture
def register(worker: Worker, write_plugin: Callable[..., Path]) -> Callable[..., Plugin]:
    """Return a maker of registered and loaded plugins."""

    def make(name: str = "counter", code: str = COUNTER, manifest: str = "") -> Plugin:
        folder = write_plugin(name, code, manifest)
        catalog.scan(folders=[folder], actor=ANN)
        catalog.load_plugin(name=name, worker_id=worker.pk)
        return Plugin.objects.get(name=name)

    return make


@pytest.fixture
def ask() -> Callable[..., Run]:
    def ask(tool: str, plugin: str = "counter", **input: Any) -> Run:
        return runs.start_run(plugin=plugin, tool=tool, input=input, actor=ANN, via=Via.API)

    return ask


@pytest.fixture
def execute(worker: Worker) -> Callable[[Run], Run]:
    """Return what does a worker's part for one run, and gives the run as it then stands."""

    def execute(run: Run, should_stop: Callable[[], str | None] = lambda: None) -> Run:
        execution.execute_run(run_id=str(run.pk), worker_id=worker.pk, should_stop=should_stop)
        run.refresh_from_db()
        return run

    return execute


@pytest.fixture(autouse=True)
def _no_folder_left(tmp_path: Path) -> Iterator[None]:
    yield
    sandboxing.close_nursery()
    left = [path for path in (tmp_path / "scratch").glob("*") if path != sandboxing.nests()]
    assert not left, "a run left its scratch folder"
