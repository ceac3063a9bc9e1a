"""One client's feed: what follows its cursor, number by number, at last the end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from django.conf import settings

from plugins_app.live import messages, store
from plugins_app.live.auth import Visitor
from plugins_app.live.closing import (
    FORBIDDEN,
    NOT_LOGGED_IN,
    PRUNED,
    RUN_ENDED,
    TOO_SLOW,
    Closing,
)
from plugins_app.live.messages import Acknowledgement, Message
from plugins_app.live.sources import Source
from plugins_app.live.subscription import Subscription
from plugins_app.live.window import PreviewWindow, Window

BATCH: Final = 200
FIRST_ACK_SECONDS: Final = 0.25
NEXT_ACK_SECONDS: Final = 1.0
"""At the end of a run, what its client's acknowledgements may take before the close comes."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Feed:
    """Takes each next message from the hub's queue; where that has a hole, from the store."""

    def __init__(
        self, *, source: Source, visitor: Visitor, news: Subscription, cursor: int, send: Send
    ) -> None:
        self._source = source
        self._visitor = visitor
        self._news = news
        self._cursor = cursor
        self._send = send
        self._window = Window(events=settings.LIVE_WINDOW_EVENTS)
        self._previews = PreviewWindow()
        self._ack_by: float | None = None
        self._recall_at = time.monotonic() + settings.LIVE_RECALL_SECONDS

    def hear(self, acknowledgement: Acknowledgement) -> None:
        if acknowledgement.seq is not None:
            self._window.acknowledge(acknowledgement.seq)
        if acknowledgement.preview is not None:
            self._previews.acknowledge(acknowledgement.preview)
        self._news.changed.set()

    async def run(self) -> None:
        """Send until there is a reason to close: raises Closing."""
        while True:
            self._news.changed.clear()
            await self._recall()
            has_sent = await self._send_events()
            await self._end_if_over()
            has_sent = await self._send_preview() or has_sent
            if not has_sent:
                await self._wait()

    async def _send_events(self) -> bool:
        batch = await self._next_batch()
        for message in batch:
            if not self._window.room:
                break
            await self._send({"type": "websocket.send", "text": message.text})
            self._cursor = message.seq
            self._window.sent(message.seq, len(message.text))
        return bool(batch)

    async def _next_batch(self) -> list[Message]:
        limit = min(self._window.room, BATCH)
        if limit == 0 or self._cursor >= self._news.last_seq:
            return []
        if batch := self._news.following(self._cursor, limit=limit):
            return batch
        batch = await store.ask(self._source.read, after=self._cursor, limit=limit)
        if not batch:
            raise Closing(PRUNED)
        return batch

    async def _end_if_over(self) -> None:
        if self._news.is_gone:
            raise Closing(PRUNED)
        if self._news.status is not None and self._cursor >= self._news.last_seq:
            end = {"type": "end", "status": self._news.status, "last_seq": self._news.last_seq}
            await self._send({"type": "websocket.send", "text": messages.encode(end)})
            await self._let_it_catch_up()
            raise Closing(RUN_ENDED)

    async def _let_it_catch_up(self) -> None:
        """Leave a client that acknowledges the time to do so to the last.

        A close that overtakes what it still reads would make its next ack an error of its library.
        """
        on_the_way = self._window.on_the_way
        deadline = time.monotonic() + FIRST_ACK_SECONDS
        while on_the_way and time.monotonic() < deadline:
            self._news.changed.clear()
            await self._hear_until(deadline)
            if self._window.on_the_way < on_the_way:
                on_the_way = self._window.on_the_way
                deadline = time.monotonic() + NEXT_ACK_SECONDS

    async def _send_preview(self) -> bool:
        preview = self._news.take_preview() if self._previews.has_room else None
        if preview is None:
            return False
        await self._send({"type": "websocket.send", "bytes": preview.content})
        self._previews.sent(preview.frame)
        return True

    async def _recall(self) -> None:
        if time.monotonic() < self._recall_at:
            return
        self._recall_at = time.monotonic() + settings.LIVE_RECALL_SECONDS
        user = await store.ask(self._visitor.recall)
        if user is None:
            raise Closing(NOT_LOGGED_IN)
        if not await store.ask(user.has_perm, self._source.permission):
            raise Closing(FORBIDDEN)

    async def _wait(self) -> None:
        """Wait for news or an acknowledgement. Raises TOO_SLOW when the latter is overdue."""
        now = time.monotonic()
        self._ack_by = self._deadline(now)
        if self._ack_by is not None and now >= self._ack_by:
            raise Closing(TOO_SLOW)
        await self._hear_until(min(self._recall_at, self._ack_by or self._recall_at))

    async def _hear_until(self, moment: float) -> None:
        """Return at the next news or acknowledgement, at MOMENT at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, moment - time.monotonic())):
                await self._news.changed.wait()

    def _deadline(self, now: float) -> float | None:
        """When the client must have acknowledged at the latest; None while nothing waits for it."""
        if self._window.room or self._cursor >= self._news.last_seq:
            return None
        return self._ack_by or now + settings.LIVE_ACK_SECONDS
