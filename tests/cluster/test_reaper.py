"""Who is dead, who is only silent, and what becomes of what they held."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ

from plugins_app import processes
from plugins_app.cluster import identity
from plugins_app.lifecycle import RunStatus, State
from plugins_app.models import Plugin, Run, Worker
from plugins_app.services import catalog, execution, workers
from tests.cluster.conftest import ANN

NO_SUCH_PID = 2**22 + 1
LONG_AGO = timedelta(minutes=5)


@pytest.fixture
def me(transactional_db: None) -> Worker:
    return workers.register_worker(queues=["default"])


@pytest.fixture
def claimed(ask: Callable[..., Run]) -> Callable[[Worker], Run]:
    """Return what queues a run and has a worker claim it, to go no further."""

    def claim(worker: Worker) -> Run:
        run = execution.claim(run_id=str(ask().pk), worker_id=worker.pk)
        assert run is not None
        return run

    return claim


def elsewhere(**fields: Any) -> Worker:
    facts = {"host": "another-machine", "pid": 1, "process_started": 0.0, "queues": ["default"]}
    return Worker.objects.create(**(facts | fields))


def here(**fields: Any) -> Worker:
    return elsewhere(host=processes.HOST, namespace=processes.namespace(), **fields)


def test_a_run_of_a_dead_process_of_this_machine_is_lost_at_once(
    claimed: Callable[[Worker], Run], sailor: Plugin
) -> None:
    dead = here(pid=NO_SUCH_PID)
    run = claimed(dead)
    folder = Path(settings.SCRATCH_ROOT) / str(run.pk)
    folder.mkdir(parents=True)
    assert workers.reap(trust_silence=False).runs == 1
    run.refresh_from_db()
    assert run.status == RunStatus.LOST
    assert f"pid {NO_SUCH_PID}" in run.error_message
    assert not folder.exists()
    sailor.refresh_from_db()
    assert sailor.state == State.FAILED
    dead.refresh_from_db()
    assert dead.stopped_at is not None


def test_another_process_with_a_dead_workers_pid_is_not_taken_for_it(
    claimed: Callable[[Worker], Run],
) -> None:
    run = claimed(here(pid=os.getpid(), process_started=processes.started(os.getpid()) - 100))
    assert workers.reap(trust_silence=False).runs == 1
    run.refresh_from_db()
    assert run.status == RunStatus.LOST


def test_a_worker_of_another_machine_or_container_is_not_judged_by_its_pid(
    transactional_db: None,
) -> None:
    elsewhere(pid=NO_SUCH_PID)
    elsewhere(host=processes.HOST, namespace="pid:[1]", pid=NO_SUCH_PID)
    assert workers.reap().workers == 0


def test_a_worker_of_another_machine_is_gone_after_three_missed_heartbeats(
    claimed: Callable[[Worker], Run],
) -> None:
    silent = elsewhere()
    run = claimed(silent)
    assert workers.reap().runs == 0
    Worker.objects.filter(pk=silent.pk).update(heartbeat_at=timezone.now() - LONG_AGO)
    assert workers.reap(trust_silence=False).runs == 0
    assert workers.reap().runs == 1
    run.refresh_from_db()
    assert run.status == RunStatus.LOST
    assert "silent for 15 s" in run.error_message


def test_reaping_again_finds_nothing_more(claimed: Callable[[Worker], Run]) -> None:
    claimed(here(pid=NO_SUCH_PID))
    assert workers.reap().runs == 1
    assert workers.reap() == workers.Reaped()


def test_a_run_claimed_just_as_its_worker_was_declared_gone_is_lost_too(
    claimed: Callable[[Worker], Run],
) -> None:
    worker = elsewhere()
    run = claimed(worker)
    Worker.objects.filter(pk=worker.pk).update(stopped_at=timezone.now())
    assert workers.reap().runs == 1
    run.refresh_from_db()
    assert run.status == RunStatus.LOST


def test_a_load_of_a_dead_worker_is_asked_for_again(
    transactional_db: None, write_plugin: Callable[..., Path]
) -> None:
    catalog.scan(folders=[write_plugin("half-loaded", "x = 1")], actor=ANN)
    OrmQ.objects.all().delete()
    dead = here(pid=NO_SUCH_PID)
    Plugin.objects.update(loading_worker=dead, load_attempts=1)
    assert workers.reap().loads == 1
    assert Plugin.objects.get().loading_worker is None
    assert OrmQ.objects.count() == 1


def test_workers_of_long_ago_are_forgotten(transactional_db: None) -> None:
    elsewhere(stopped_at=timezone.now() - timedelta(days=8))
    recent = elsewhere(stopped_at=timezone.now() - timedelta(days=6))
    mine = workers.register_worker(queues=["default"])
    assert set(Worker.objects.all()) == {recent, mine}


def test_a_goodbye_leaves_nothing_to_reap(me: Worker) -> None:
    workers.say_goodbye(worker_id=me.pk)
    assert not Worker.objects.alive().exists()
    assert workers.reap() == workers.Reaped()


def test_who_was_declared_gone_goes_on_under_a_new_id(transactional_db: None) -> None:
    mine = identity.Identity(["default"])
    before = mine.alive_id()
    Worker.objects.update(stopped_at=timezone.now())
    mine._beaten_at -= 60  # as after an outage: the next claim asks first
    assert mine.alive_id() != before
    assert Worker.objects.alive().get().pk == mine.alive_id()


def test_a_process_that_is_no_worker_has_no_id_to_claim_by(transactional_db: None) -> None:
    identity._mine.clear()
    with pytest.raises(LookupError, match="no worker"):
        identity.current_worker_id()


def test_the_oldest_worker_of_a_machine_tries_the_guards_and_the_others_copy(me: Worker) -> None:
    younger = workers.register_worker(queues=["gpu"])
    assert not workers.describe(worker_id=younger.pk)
    assert workers.describe(worker_id=me.pk)
    assert workers.describe(worker_id=younger.pk)
    me.refresh_from_db()
    younger.refresh_from_db()
    assert younger.guards == me.guards
    assert {"name", "state", "how", "why"} <= set(me.guards[0])
    assert "problem" in younger.gpu
