"""The broker may deliver twice, late and for ever; a run is executed once."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from plugins_app.cluster.broker import Doorbell
from plugins_app.lifecycle import RunStatus, State
from plugins_app.models import Plugin, Run, Worker
from plugins_app.services import catalog, queue
from tests.cluster.conftest import ANN, SAILOR, ClusterProcess, begin, kill, wait_for_status
from tests.servers import wait_for


def test_a_run_delivered_five_times_is_executed_once(
    start_cluster: Callable[..., ClusterProcess], ask: Callable[..., Run]
) -> None:
    run = ask(0.5)
    for _ in range(4):
        queue.enqueue_run(run=run)
    start_cluster()
    wait_for_status(run, RunStatus.SUCCEEDED)
    wait_for(lambda: not OrmQ.objects.exists(), what="an empty queue")
    assert run.events.count() == 1


def test_a_task_whose_worker_was_killed_is_not_executed_again(
    start_cluster: Callable[..., ClusterProcess], ask: Callable[..., Run]
) -> None:
    start_cluster()
    run = begin(ask, 30)
    assert run.worker_pid is not None
    kill(run.worker_pid)
    lost = wait_for_status(run, RunStatus.LOST)
    assert f"pid {run.worker_pid}" in lost.error_message
    # Stock, the broker would hand it out again when the lock is over, and again, and again.
    OrmQ.objects.update(lock=timezone.now())
    wait_for(lambda: not OrmQ.objects.exists(), what="an empty queue")
    assert run.events.count() == 1
    assert Run.objects.get(pk=run.pk).status == RunStatus.LOST


def test_first_come_is_first_served(
    start_cluster: Callable[..., ClusterProcess], ask: Callable[..., Run]
) -> None:
    asked = [ask() for _ in range(6)]
    start_cluster(workers=1)
    for run in asked:
        wait_for_status(run, RunStatus.SUCCEEDED)
    started = Run.objects.order_by("started_at").values_list("pk", flat=True)
    assert list(started) == [run.pk for run in asked]


def test_a_run_whose_task_was_lost_is_asked_for_again(
    start_cluster: Callable[..., ClusterProcess], ask: Callable[..., Run]
) -> None:
    run = ask()
    OrmQ.objects.all().delete()
    start_cluster(workers=1)
    wait_for_status(run, RunStatus.SUCCEEDED, seconds=25)


def test_the_doorbell_rings_within_a_poll_of_the_commit(transactional_db: None) -> None:
    broker = Doorbell(list_key="default")
    assert broker.dequeue() is None
    asked_at: list[float] = []

    def ask() -> None:
        time.sleep(0.1)
        async_task("plugins_app.tasks.load_plugin", "nothing")
        asked_at.append(time.monotonic())
        connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    tasks = broker.dequeue()
    heard = time.monotonic()
    asking.join()
    assert tasks is not None
    assert len(tasks) == 1
    assert heard - asked_at[0] < 0.2


def test_two_brokers_never_hand_out_the_same_task(transactional_db: None) -> None:
    for _ in range(6):
        async_task("plugins_app.tasks.load_plugin", "nothing")
    first, second = Doorbell(list_key="default"), Doorbell(list_key="default")
    taken = [task[0] for _ in range(3) for broker in (first, second) for task in broker.dequeue()]
    assert taken == sorted(set(taken))
    assert len(taken) == 6


def test_tasks_of_another_queue_are_left_alone(transactional_db: None) -> None:
    async_task("plugins_app.tasks.load_plugin", "nothing", cluster="gpu")
    assert Doorbell(list_key="default").dequeue() is None
    assert Doorbell(list_key="gpu").dequeue()


def test_a_plugin_that_needs_a_gpu_is_loaded_by_the_workers_of_that_queue(
    start_cluster: Callable[..., ClusterProcess], write_plugin: Callable[..., Path]
) -> None:
    start_cluster(workers=1, queue="gpu")
    [worker] = Worker.objects.alive()
    assert worker.queues == ["gpu"]
    manifest = "[requires]\ngpu = true\n"
    catalog.scan(
        folders=[write_plugin("seer", SAILOR.replace("Sailor", "Seer"), manifest)], actor=ANN
    )
    assert OrmQ.objects.filter(key="default").count() == 0
    wait_for(
        lambda: Plugin.objects.get().state in (State.UNAVAILABLE, State.INITIALIZED),
        what="the plugin's load",
        seconds=60,
    )
