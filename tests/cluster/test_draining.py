"""A stop lets runs finish, cancels those that take too long, and keeps what waits."""

import signal
from collections.abc import Callable

from plugins_app.lifecycle import RunStatus, State
from plugins_app.models import Plugin, Run, Worker
from tests.cluster.conftest import ClusterProcess, begin, status, wait_for_status
from tests.servers import wait_for

Start = Callable[..., ClusterProcess]
Ask = Callable[..., Run]


def test_a_short_run_finishes_and_what_waits_is_kept(start_cluster: Start, ask: Ask) -> None:
    cluster = start_cluster(workers=1)
    running = begin(ask, 1.5)
    waiting = [ask() for _ in range(3)]
    assert cluster.stop() < 5
    assert status(running) == RunStatus.SUCCEEDED
    assert {status(run) for run in waiting} == {RunStatus.QUEUED}
    assert not Worker.objects.alive().exists()

    start_cluster(workers=1)
    for run in waiting:
        wait_for_status(run, RunStatus.SUCCEEDED, seconds=25)
        assert run.events.count() == 1


def test_a_long_run_is_cancelled_with_the_reason_and_its_plugin_stays_up(
    start_cluster: Start, ask: Ask, sailor: Plugin
) -> None:
    cluster = start_cluster(workers=1)
    run = begin(ask, 60)
    assert 5 < cluster.stop() < 10
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
    assert "its worker is being stopped" in run.error_message
    sailor.refresh_from_db()
    assert sailor.state == State.INITIALIZED


def test_a_second_signal_kills(start_cluster: Start, ask: Ask) -> None:
    cluster = start_cluster(workers=1)
    begin(ask, 60)
    cluster.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "draining" in cluster.log, what="the first signal to be heard")
    cluster.process.send_signal(signal.SIGTERM)
    cluster.process.wait(3)
    assert cluster.processes() == []
