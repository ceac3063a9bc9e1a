"""`/ws/runs/{id}/`: every event once, in order, then the end."""

import threading
import time
from collections.abc import Callable

import pytest

from plugins_app.lifecycle import RunStatus
from plugins_app.models import RunEvent
from tests.live.conftest import Client, Scribe

Watch = Callable[..., Client]


def test_a_finished_run_is_told_from_its_first_event_to_its_end(
    watch: Watch, scribe: Scribe
) -> None:
    scribe.say(3)
    scribe.end(RunStatus.FAILED)
    client = watch(scribe.run)
    assert client.next() == {"type": "hello", "run": str(scribe.run.pk), "last_seq": 3}
    first, second, third, end = client.rest()
    row = RunEvent.objects.get(run=scribe.run, seq=1)
    assert first == {
        "type": "event",
        "seq": 1,
        "at": row.at.isoformat().replace("+00:00", "Z"),
        "kind": "log",
        "data": {"message": "1"},
    }
    assert (second["seq"], third["seq"]) == (2, 3)
    assert end == {"type": "end", "status": "failed", "last_seq": 3}
    assert client.socket.close_code == 1000


def test_a_run_without_events_ends_at_once(watch: Watch, scribe: Scribe) -> None:
    scribe.end(RunStatus.CANCELLED)
    client = watch(scribe.run)
    assert client.next()["last_seq"] == 0
    assert client.rest() == [{"type": "end", "status": "cancelled", "last_seq": 0}]


def test_events_arrive_as_they_are_written(watch: Watch, scribe: Scribe) -> None:
    client = watch(scribe.run)
    assert client.next()["last_seq"] == 0
    delays = []
    for number in range(1, 21):
        started = time.monotonic()
        scribe.say()
        assert client.next()["seq"] == number
        delays.append(time.monotonic() - started)
    scribe.end()
    assert client.rest() == [{"type": "end", "status": "succeeded", "last_seq": 20}]
    assert sorted(delays)[10] < 0.3


def test_a_client_that_comes_back_again_and_again_misses_and_repeats_nothing(
    watch: Watch, scribe: Scribe
) -> None:
    writer = threading.Thread(target=write_slowly, args=(scribe, 60, 5))
    writer.start()
    seen: list[int] = []
    while len(seen) < 280:
        client = watch(scribe.run, f"?after={len(seen)}")
        client.next()
        seen += client.take(20)
        client.socket.close()
    writer.join()
    client = watch(scribe.run, f"?after={len(seen)}")
    client.next()
    *events, end = client.rest()
    seen += [event["seq"] for event in events]
    assert seen == list(range(1, 301))
    assert end["last_seq"] == 300


def write_slowly(scribe: Scribe, batches: int, size: int) -> None:
    from django.db import connection

    for _ in range(batches):
        scribe.say(size)
        time.sleep(0.01)
    scribe.end()
    connection.close()


def test_a_burst_larger_than_any_queue_arrives_whole(watch: Watch, scribe: Scribe) -> None:
    client = watch(scribe.run)
    client.next()
    scribe.say()
    assert client.next()["seq"] == 1
    for _ in range(6):
        scribe.say(500)
    for number in range(2, 3002):
        assert client.next()["seq"] == number
        if number % 500 == 0:
            client.send({"type": "ack", "seq": number})
    scribe.end()
    assert client.next() == {"type": "end", "status": "succeeded", "last_seq": 3001}


def test_a_client_that_never_acknowledges_gets_a_thousand_then_1013_and_may_come_back(
    watch: Watch, scribe: Scribe
) -> None:
    scribe.say(1200)
    scribe.end()
    client = watch(scribe.run)
    client.next()
    seen = [message["seq"] for message in client.rest()]
    assert client.socket.close_code == 1013
    assert seen == list(range(1, 1001))
    back = watch(scribe.run, "?after=1000")
    assert back.next()["last_seq"] == 1200
    *events, end = back.rest()
    assert [event["seq"] for event in events] == list(range(1001, 1201))
    assert end["type"] == "end"


def test_the_window_opens_by_as_much_as_is_acknowledged(watch: Watch, scribe: Scribe) -> None:
    scribe.say(1500)
    client = watch(scribe.run)
    client.next()
    assert client.take(1000)[-1] == 1000
    client.send({"type": "ack", "seq": 100})
    assert client.take(100)[-1] == 1100
    with pytest.raises(TimeoutError):
        client.socket.recv(timeout=0.2)


def test_acknowledging_what_was_not_sent_yet_wins_nothing(watch: Watch, scribe: Scribe) -> None:
    scribe.say(2100)
    client = watch(scribe.run)
    client.send({"type": "ack", "seq": 10**30})
    client.next()
    assert len(client.rest()) <= 2000
    assert client.socket.close_code == 1013
    assert client.socket.close_reason == "no ack in time: come back with `after`"


def test_a_client_that_lags_neither_delays_the_run_nor_other_clients(
    watch: Watch, scribe: Scribe
) -> None:
    lagging, lively = watch(scribe.run), watch(scribe.run)
    lagging.next()
    lively.next()
    for number in range(1, 6):
        scribe.say(300)
        assert lively.take(300)[-1] == 300 * number
        lively.send({"type": "ack", "seq": 300 * number})
    scribe.end()
    assert lively.next()["type"] == "end"
    assert lagging.take(1000) == list(range(1, 1001))


def test_rows_that_the_runs_counter_does_not_tell_of_are_found_too(
    watch: Watch, scribe: Scribe
) -> None:
    client = watch(scribe.run)
    client.next()
    at = scribe.run.queued_at
    RunEvent.objects.create(run=scribe.run, seq=1, at=at, kind="log", data={"message": "quiet"})
    assert client.next()["data"] == {"message": "quiet"}


def test_text_that_has_no_utf_8_reaches_the_client_escaped(watch: Watch, scribe: Scribe) -> None:
    at = scribe.run.queued_at
    RunEvent.objects.create(run=scribe.run, seq=1, at=at, kind="log", data={"message": "\ud800é"})
    client = watch(scribe.run)
    client.next()
    assert client.next()["data"] == {"message": "\ud800é"}


def test_a_run_that_is_pruned_meanwhile_closes_its_feed(watch: Watch, scribe: Scribe) -> None:
    client = watch(scribe.run)
    client.next()
    scribe.run.delete()
    assert client.close_code() == 4404
