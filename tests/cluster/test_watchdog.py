"""What is not dead but does not work is found, and cured."""

import signal
import time
from collections.abc import Callable
from datetime import timedelta

import psutil
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from plugins_app.cluster.watchdog import LOOK_EVERY_SECONDS
from plugins_app.lifecycle import RunStatus
from plugins_app.models import Run, Worker
from tests.cluster.conftest import ClusterProcess, begin, kill, status, wait_for_status
from tests.servers import wait_for

Start = Callable[..., ClusterProcess]
Ask = Callable[..., Run]


def test_a_cluster_that_takes_no_tasks_is_started_anew(start_cluster: Start, ask: Ask) -> None:
    cluster = start_cluster()
    stuck = cluster.sentinel
    kill(cluster.pusher(), signal.SIGSTOP)
    run = ask()
    wait_for_status(run, RunStatus.SUCCEEDED, seconds=40)
    assert "tasks wait while 2 of its workers are idle" in cluster.log
    assert cluster.sentinel != stuck


def test_a_worker_that_hangs_is_killed_and_the_others_work_on(
    start_cluster: Start, ask: Ask
) -> None:
    cluster = start_cluster()
    hanging, working = begin(ask, 30), begin(ask, 5)
    assert hanging.worker_pid is not None
    kill(hanging.worker_pid, signal.SIGSTOP)
    _let_time_pass(hanging.worker_pid)
    wait_for_status(hanging, RunStatus.LOST)
    wait_for(lambda: not psutil.pid_exists(hanging.worker_pid or 0), what="the end of the hung one")
    assert status(working) in (RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.SUCCEEDED)
    assert "started anew" not in cluster.log
    cluster.wait_until_ready(2)


def test_a_machine_that_slept_wakes_up_with_all_its_workers(start_cluster: Start, ask: Ask) -> None:
    cluster = start_cluster()
    before = cluster.workers()
    run = begin(ask, 20)
    asleep = cluster.processes()
    for process in asleep:
        process.suspend()
    time.sleep(settings.HEARTBEAT_SECONDS * settings.MISSED_HEARTBEATS + 2)
    for process in asleep:
        process.resume()
    wait_for_status(run, RunStatus.SUCCEEDED, seconds=25)
    assert sorted(cluster.workers()) == sorted(before)


def test_workers_that_a_locked_database_silences_are_left_alone(
    start_cluster: Start, ask: Ask
) -> None:
    cluster = start_cluster()
    before = cluster.workers()
    run = begin(ask, 3)
    for pid in before:
        _let_time_pass(pid)
    with transaction.atomic():  # nobody else can write meanwhile, but everybody can read
        time.sleep(2 * LOOK_EVERY_SECONDS + 1)
    wait_for_status(run, RunStatus.SUCCEEDED)
    assert sorted(cluster.workers()) == sorted(before)


def _let_time_pass(pid: int) -> None:
    """Make it look as if the stopped worker had been silent for a minute."""
    Worker.objects.filter(pid=pid).update(heartbeat_at=timezone.now() - timedelta(minutes=1))
