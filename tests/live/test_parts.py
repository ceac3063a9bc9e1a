"""The small parts, each by itself; and the wait for a run's end."""

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from plugins_app.live import messages, window
from plugins_app.live.messages import Message
from plugins_app.live.subscription import News, Subscription
from plugins_app.live.waiting import wait_until_final
from plugins_app.live.window import PreviewWindow, Window
from tests.live.conftest import Scribe


def numbered(*seqs: int) -> tuple[Message, ...]:
    return tuple(Message(seq, "") for seq in seqs)


async def test_a_queue_hands_out_only_what_follows_without_a_hole() -> None:
    subscription = Subscription(queue_limit=5)
    subscription.take(News(last_seq=4, messages=numbered(2, 3, 4)))
    subscription.take(News(last_seq=9, messages=numbered(7, 8, 9)))
    assert [m.seq for m in subscription.following(1, limit=2)] == [2, 3]
    assert [m.seq for m in subscription.following(3, limit=9)] == [4]
    assert subscription.following(4, limit=9) == []
    assert [m.seq for m in subscription.following(7, limit=9)] == [8]
    assert subscription.following(8, limit=9) == []
    assert subscription.last_seq == 9


def test_a_window_counts_what_is_on_its_way() -> None:
    ahead = Window(events=3)
    for seq in (5, 6, 7):
        ahead.sent(seq, 10)
    assert ahead.room == 0
    ahead.acknowledge(5)
    assert ahead.room == 1
    ahead.acknowledge(2)
    assert ahead.room == 1
    ahead.acknowledge(100)
    assert ahead.room == 3


def test_large_events_narrow_the_window() -> None:
    ahead = Window(events=1000)
    ahead.sent(1, window.BYTES_AHEAD)
    assert ahead.room == 0
    ahead.acknowledge(1)
    assert ahead.room == 1000


def test_a_picture_acknowledged_takes_those_before_along() -> None:
    pictures = PreviewWindow()
    pictures.sent(3)
    pictures.sent(9)
    pictures.acknowledge(4)
    assert not pictures.has_room
    pictures.acknowledge(9)
    pictures.sent(10)
    assert pictures.has_room


def test_an_event_is_one_line_of_json() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    message = messages.event(seq=7, at=at, kind="log", data={"message": "a\nb"})
    assert message.text == (
        '{"type":"event","seq":7,"at":"2026-01-02T03:04:05Z","kind":"log",'
        '"data":{"message":"a\\nb"}}'
    )


async def test_the_end_of_a_run_is_waited_for_without_a_thread(scribe: Scribe) -> None:
    def end_soon() -> None:
        from django.db import connection

        scribe.end()
        connection.close()

    timer = threading.Timer(0.2, end_soon)
    timer.start()
    started = time.monotonic()
    ended = await asyncio.gather(*(wait_until_final(scribe.run.pk, 10) for _ in range(40)))
    assert all(ended)
    assert time.monotonic() - started < 5
    timer.join()
    assert await wait_until_final(scribe.run.pk, 0.01)


@pytest.mark.usefixtures("transactional_db")
async def test_a_wait_gives_up_in_time_and_for_what_does_not_exist(scribe: Scribe) -> None:
    started = time.monotonic()
    assert not await wait_until_final(scribe.run.pk, 0.2)
    assert 0.15 < time.monotonic() - started < 3
    assert not await wait_until_final(uuid4(), 10)


async def test_a_run_that_is_pruned_is_not_waited_for(scribe: Scribe) -> None:
    waiting = asyncio.ensure_future(wait_until_final(scribe.run.pk, 10))
    await asyncio.sleep(0.1)
    await sync_to_async(forget)(scribe.run)
    assert not await waiting


def forget(run: Any) -> None:
    run.delete()
