"""Workers, people and the reaper at once: nobody waits for ever, and the sums are right."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection

from plugins_app.errors import BulkheadError
from plugins_app.lifecycle import RunStatus
from plugins_app.models import Plugin, Run, Transition, Worker
from plugins_app.services import audit, catalog, execution, runs
from plugins_app.services.ending import Ending, end_run
from tests.services.conftest import ANN

RUNS_EACH = 12


@pytest.fixture
def at_once() -> Callable[..., list[BaseException]]:
    def at_once(*acts: Callable[[], None]) -> list[BaseException]:
        faults: list[BaseException] = []

        def guarded(act: Callable[[], None]) -> None:
            try:
                act()
            except BaseException as error:
                faults.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=guarded, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return faults

    return at_once


def test_workers_that_end_runs_while_people_ask_and_configure(
    register: Callable[..., Plugin],
    ask: Callable[..., Run],
    at_once: Callable[..., list[BaseException]],
) -> None:
    plugin = register()
    workers = [
        Worker.objects.create(host="here", pid=pid, process_started=0.0) for pid in range(2, 5)
    ]

    def work(worker: Worker) -> None:
        for _ in range(RUNS_EACH):
            run = execution.claim(run_id=str(ask("count").pk), worker_id=worker.pk)
            if run is not None:
                end_run(run=run, worker_id=worker.pk, ending=Ending(status=RunStatus.SUCCEEDED))

    def configure() -> None:
        for seconds in range(10, 10 + RUNS_EACH):
            catalog.configure_plugin(
                name=plugin.name, actor=ANN, changes={"timeout_seconds": seconds}
            )
            runs.requeue_waiting()

    faults = at_once(*(lambda worker=worker: work(worker) for worker in workers), configure)
    assert not faults
    plugin.refresh_from_db()
    succeeded = Run.objects.filter(status="succeeded").count()
    assert plugin.success_count == succeeded > 0
    assert plugin.state == "INITIALIZED"
    seqs = list(Transition.objects.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert audit.verify().ok


def test_restarts_while_the_last_runs_of_a_failed_plugin_end(
    register: Callable[..., Plugin],
    ask: Callable[..., Run],
    worker: Worker,
    at_once: Callable[..., list[BaseException]],
) -> None:
    plugin = register()
    asked = [ask("count") for _ in range(4)]
    held = [execution.claim(run_id=str(run.pk), worker_id=worker.pk) for run in asked]

    def fail(run: Run) -> None:
        ending = Ending(status=RunStatus.CRASHED, error_code="crashed", error_message="died")
        end_run(run=run, worker_id=worker.pk, ending=ending)

    def restart() -> None:
        for _ in range(RUNS_EACH):
            with suppress(BulkheadError):
                catalog.restart_plugin(name=plugin.name, actor=ANN, reason="again")

    assert not at_once(*(lambda run=run: fail(run) for run in held), restart, restart)
    plugin.refresh_from_db()
    assert plugin.error_count == 4
    assert not Run.objects.active().exists()


def test_of_twenty_restarts_at_once_one_is_carried_out(
    register: Callable[..., Plugin], at_once: Callable[..., list[BaseException]]
) -> None:
    plugin = register(code="1 / 0")
    assert plugin.state == "FAILED"
    gate = threading.Barrier(20)

    def restart() -> None:
        gate.wait()
        catalog.restart_plugin(name=plugin.name, actor=ANN, reason="mended")

    faults = at_once(*[restart] * 20)
    assert len(faults) == 19
    assert all(isinstance(fault, BulkheadError) for fault in faults)
    assert {fault.code for fault in faults} <= {"stale_state", "illegal_transition"}
    assert Transition.objects.filter(code="restarted").count() == 1
