"""A run from its asking to its end, through the real sandbox."""

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from plugins_app.actors import Actor
from plugins_app.errors import AlreadyFinal, InvalidInput, NotFound, PluginNotReady
from plugins_app.lifecycle import State
from plugins_app.models import Artifact, AuditEntry, Plugin, Run, RunEvent, Transition, Worker
from plugins_app.services import catalog, execution, runs
from tests.services.conftest import ANN

Ask = Callable[..., Run]


@pytest.fixture(autouse=True)
def counter(register: Callable[..., Plugin]) -> Plugin:
    return register()


def states() -> list[str]:
    return list(Transition.objects.order_by("seq").values_list("to_state", flat=True))


def test_a_run_that_returns_a_fitting_value_succeeds(ask: Ask, execute: Ask) -> None:
    run = execute(ask("count", upto=3))
    assert (run.status, run.result, run.error_code) == ("succeeded", {"last": 2}, "")
    assert run.limits["timeout_seconds"] == {"value": 60, "source": "global"}
    assert run.worker_pid
    assert run.started_at < run.finished_at
    assert run.peak_memory_bytes > 1 << 20
    assert {guard["name"] for guard in run.guards} >= {"memory", "files", "network"}


def test_events_are_kept_in_order_from_1_without_a_gap(ask: Ask, execute: Ask) -> None:
    run = execute(ask("count", upto=500))
    events = list(RunEvent.objects.filter(run=run).order_by("seq"))
    assert [event.seq for event in events] == list(range(1, 502))
    assert [e.data["value"] for e in events if e.kind == "number"] == list(range(500))
    assert events[-1].kind == "artifact"
    assert run.event_count == 501


def test_artifacts_are_kept_with_their_hash(ask: Ask, execute: Ask) -> None:
    run = execute(ask("count", upto=3))
    artifact = Artifact.objects.get(run=run)
    with default_storage.open(artifact.file.name) as content:
        assert content.read() == b"0 1 2"
    assert (artifact.name, artifact.size, len(artifact.sha256)) == ("numbers.txt", 5, 64)


def test_the_plugin_goes_to_running_and_back(ask: Ask, execute: Ask) -> None:
    execute(ask("count"))
    assert states() == ["LOADED", "INITIALIZED", "RUNNING", "INITIALIZED"]
    plugin = Plugin.objects.get()
    assert (plugin.success_count, plugin.error_count) == (1, 0)
    assert len(plugin.recent_milliseconds) == 1


def test_invalid_input_rejects_the_run_and_leaves_the_plugin_up(ask: Ask, execute: Ask) -> None:
    run = execute(ask("count", upto=-1))
    assert (run.status, run.error_code) == ("rejected", "invalid_input")
    assert Plugin.objects.get().state == State.INITIALIZED


def test_an_exception_fails_the_plugin_and_ends_its_queued_runs(ask: Ask, execute: Ask) -> None:
    failing, waiting = ask("fail"), ask("count")
    run = execute(failing)
    waiting.refresh_from_db()
    plugin = Plugin.objects.get()
    assert (run.status, run.error_message) == ("failed", "fail() raised RuntimeError: as asked")
    assert "RuntimeError: as asked" in run.error_traceback
    assert (plugin.state, plugin.code, plugin.error_count) == (State.FAILED, "failed", 1)
    assert "as asked" in plugin.reason
    assert waiting.status == "cancelled"
    assert "left service" in waiting.error_message
    with pytest.raises(PluginNotReady, match="as asked"):
        ask("count")


def test_a_failed_plugin_stays_failed_until_a_person_restarts_it(
    ask: Ask, execute: Ask, worker: Worker
) -> None:
    execute(ask("fail"))
    catalog.load_plugin(name="counter", worker_id=worker.pk)
    runs.requeue_waiting()
    assert Plugin.objects.get().state == State.FAILED
    catalog.restart_plugin(name="counter", actor=ANN, reason="mended")
    catalog.load_plugin(name="counter", worker_id=worker.pk)
    assert Plugin.objects.get().state == State.INITIALIZED
    restarted = Transition.objects.get(code="restarted")
    assert (restarted.actor, restarted.reason) == ("ann", "mended")
    assert execute(ask("count")).status == "succeeded"


def test_a_run_executes_at_most_once_however_often_it_is_handed_out(ask: Ask, execute: Ask) -> None:
    run = execute(ask("count", upto=2))
    first_end = run.finished_at
    assert execute(run).finished_at == first_end
    assert RunEvent.objects.filter(run=run, kind="number").count() == 2


def test_of_two_workers_that_claim_at_once_one_gets_the_run(ask: Ask, worker: Worker) -> None:
    run = ask("count")
    other = Worker.objects.create(host="there", pid=2, process_started=0.0)
    claimed: list[Run] = []

    def claim(worker_id: uuid.UUID) -> None:
        if (got := execution.claim(run_id=str(run.pk), worker_id=worker_id)) is not None:
            claimed.append(got)
        connection.close()

    threads = [threading.Thread(target=claim, args=(w.pk,)) for w in (worker, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got.pk for got in claimed] == [run.pk]


def test_more_runs_than_the_plugin_takes_at_once_wait_their_turn(
    ask: Ask, execute: Ask, worker: Worker
) -> None:
    catalog.configure_plugin(name="counter", actor=ANN, changes={"max_concurrent_runs": 1})
    first, second = ask("count"), ask("count")
    held = execution.claim(run_id=str(first.pk), worker_id=worker.pk)
    assert held is not None
    assert execute(second).status == "queued"
    execution.lose_run(run_id=first.pk, reason="gone")


def test_a_queued_run_is_cancelled_at_once(ask: Ask, execute: Ask) -> None:
    run = runs.cancel_run(run=ask("count"), actor=ANN, reason="not needed")
    assert (run.status, run.error_message) == ("cancelled", "cancelled by ann: not needed")
    assert execute(run).status == "cancelled"
    with pytest.raises(AlreadyFinal):
        runs.cancel_run(run=run, actor=ANN)
    assert Plugin.objects.get().state == State.INITIALIZED


def test_a_running_run_is_killed_when_it_is_cancelled(ask: Ask, execute: Ask) -> None:
    run = ask("wait", seconds=30)

    def cancel() -> None:
        while Run.objects.get(pk=run.pk).status != "running":
            time.sleep(0.02)
        runs.cancel_run(run=run, actor=ANN)
        connection.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    started = time.monotonic()
    ended = execute(Run.objects.get(pk=run.pk))
    thread.join()
    assert (ended.status, ended.error_message) == ("cancelled", "cancelled by ann")
    assert time.monotonic() - started < 10
    assert Plugin.objects.get().state == State.INITIALIZED


def test_a_stopping_worker_cancels_its_run_and_fails_nothing(ask: Ask, execute: Ask) -> None:
    ended = execute(ask("wait", seconds=30), lambda: "the worker is shutting down")
    assert (ended.status, ended.error_message) == ("cancelled", "the worker is shutting down")
    assert Plugin.objects.get().state == State.INITIALIZED


def test_a_run_over_its_time_is_timed_out_and_fails_its_plugin(ask: Ask, execute: Ask) -> None:
    catalog.configure_plugin(name="counter", actor=ANN, changes={"timeout_seconds": 1})
    run = execute(ask("wait", seconds=30))
    assert run.status == "timed_out"
    assert run.limits["timeout_seconds"] == {"value": 1, "source": "operator"}
    assert Plugin.objects.get().state == State.FAILED


def test_a_lost_run_keeps_its_events_and_its_old_worker_is_not_heard(
    ask: Ask, worker: Worker
) -> None:
    run = ask("count")
    held = execution.claim(run_id=str(run.pk), worker_id=worker.pk)
    assert held is not None
    assert execution.lose_run(run_id=run.pk, reason="its worker died")
    assert not execution.lose_run(run_id=run.pk, reason="again")
    execution.execute_run(run_id=str(run.pk), worker_id=worker.pk, should_stop=lambda: None)
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("lost", "lost")
    assert Plugin.objects.get().state == State.FAILED


def test_asking_for_what_is_not_there_is_refused(ask: Ask) -> None:
    with pytest.raises(NotFound, match="no plugin named 'nobody'"):
        ask("count", plugin="nobody")
    with pytest.raises(NotFound, match="it has: count, fail, wait"):
        ask("counts")
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("input", "pointer"),
    [
        ({"upto": "three"}, "/upto"),
        ({"up_to": 3}, "/up_to"),
        ({"upto": 1.5}, "/upto"),
    ],
)
def test_input_that_does_not_fit_names_its_place_and_queues_nothing(
    ask: Ask, input: dict[str, object], pointer: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask("count", **input)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert not Run.objects.exists()


def test_a_disabled_plugin_takes_no_runs_and_cancels_those_that_wait(ask: Ask) -> None:
    waiting = ask("count")
    catalog.configure_plugin(name="counter", actor=ANN, changes={"enabled": False})
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    with pytest.raises(PluginNotReady, match="disabled"):
        ask("count")


def test_the_audit_tells_who_started_and_who_cancelled(ask: Ask) -> None:
    bob = Actor(name="bob")
    run = ask("count")
    runs.cancel_run(run=run, actor=bob)
    told = AuditEntry.objects.filter(object=f"run:{run.pk}").order_by("seq")
    assert list(told.values_list("actor", "action")) == [
        ("ann", "run.started"),
        ("bob", "run.cancelled"),
    ]


def test_runs_in_standby_children_share_nothing_and_end_as_any_other(
    ask: Ask, execute: Ask, settings: Any
) -> None:
    settings.STANDBY_PLUGINS = 2
    ended = [execute(ask("count", upto=4)) for _ in range(5)]
    assert {(run.status, run.event_count) for run in ended} == {("succeeded", 5)}
    assert Artifact.objects.count() == 5
    failed = execute(ask("fail"))
    assert failed.status == "failed"
    assert Plugin.objects.get().state == State.FAILED
