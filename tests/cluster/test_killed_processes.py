"""Whichever process of a cluster is killed: no orphan, no deadlock, and the next run is executed."""

import os
import signal
from collections.abc import Callable

import psutil
import pytest
from django_q.models import OrmQ

from plugins_app.lifecycle import RunStatus
from plugins_app.models import Run
from tests.cluster.conftest import ClusterProcess, begin, kill, status, wait_for_status
from tests.servers import wait_for

Start = Callable[..., ClusterProcess]
Ask = Callable[..., Run]


def test_idle_workers_killed_while_they_wait_for_a_task_leave_no_deadlock(
    start_cluster: Start, ask: Ask
) -> None:
    cluster = start_cluster()
    for _ in range(2):
        before = cluster.workers()
        for pid in before:
            kill(pid)
        wait_for(lambda gone=before: not set(gone) & set(cluster.workers()), what="their end")
        cluster.wait_until_ready(2)
        wait_for_status(ask(), RunStatus.SUCCEEDED, seconds=8)
    assert "started anew" not in cluster.log
    assert cluster.stop() < 4


def test_a_killed_monitor_is_replaced_and_tasks_are_acknowledged(
    start_cluster: Start, ask: Ask
) -> None:
    cluster = start_cluster()
    # What a monitor has in its hands when it is killed stays unacknowledged, as a stale hint.
    wait_for(lambda: not OrmQ.objects.exists(), what="the end of what was queued before")
    killed = cluster.monitor()
    kill(killed)
    wait_for(lambda: not psutil.pid_exists(killed), what="the monitor's end")
    cluster.wait_until_ready(2)
    wait_for_status(ask(), RunStatus.SUCCEEDED, seconds=8)
    wait_for(lambda: not OrmQ.objects.exists(), what="the acknowledgement", seconds=8)
    assert cluster.stop() < 4


def test_a_killed_pusher_is_replaced(start_cluster: Start, ask: Ask) -> None:
    cluster = start_cluster()
    killed = cluster.pusher()
    kill(killed)
    wait_for(lambda: not psutil.pid_exists(killed), what="the pusher's end")
    wait_for_status(ask(), RunStatus.SUCCEEDED, seconds=8)
    assert cluster.stop() < 4


def test_a_killed_sentinel_takes_its_workers_along_and_another_takes_over(
    start_cluster: Start, ask: Ask
) -> None:
    cluster = start_cluster()
    run = begin(ask, 30)
    before = cluster.workers()
    kill(cluster.sentinel)
    wait_for(lambda: not any(map(psutil.pid_exists, before)), what="the workers' end")
    wait_for_status(run, RunStatus.LOST)
    cluster.wait_until_ready(2)
    assert "its sentinel ended (SIGKILL)" in cluster.log


def test_nothing_outlives_a_killed_main(start_cluster: Start, ask: Ask) -> None:
    cluster = start_cluster()
    begin(ask, 30)
    cluster.process.kill()
    cluster.process.wait(5)
    wait_for(lambda: not cluster.processes(), what="the end of every process", seconds=5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_group_is_a_clean_stop(start_cluster: Start, number: int) -> None:
    cluster = start_cluster()
    os.killpg(cluster.process.pid, number)
    assert cluster.process.wait(5) == 0
    assert cluster.processes() == []


def test_a_signal_to_every_single_process_lets_the_run_finish(
    start_cluster: Start, ask: Ask
) -> None:
    cluster = start_cluster()
    run = begin(ask, 2)
    main = psutil.Process(cluster.process.pid)
    ours = [main, *main.children(), *psutil.Process(cluster.sentinel).children()]
    for process in ours:
        process.terminate()
    assert cluster.process.wait(10) == 0
    assert status(run) == RunStatus.SUCCEEDED
