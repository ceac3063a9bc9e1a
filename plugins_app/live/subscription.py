"""One client's end of the hub: a bounded queue. What does not fit is read from the store instead."""

import asyncio
from collections import deque
from dataclasses import dataclass

from plugins_app.live.messages import Message, Preview
from plugins_app.live.sources import Position


@dataclass(frozen=True, kw_only=True)
class News:
    """What one look at a source brought. LAST_SEQ is what the store holds by now."""

    last_seq: int = 0
    messages: tuple[Message, ...] = ()
    status: str | None = None
    is_gone: bool = False
    preview: Preview | None = None


class Subscription:
    """Belongs to the event loop in which it is made; only there may it be touched.

    `last_seq` and `status` are what is known of the source; `changed` is set with all news.
    """

    def __init__(self, *, queue_limit: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.changed = asyncio.Event()
        self.last_seq = 0
        self.status: str | None = None
        self.is_gone = False
        self._queue: deque[Message] = deque()
        self._queue_limit = queue_limit
        self._preview: Preview | None = None

    def take(self, news: News) -> None:
        self.last_seq = max(self.last_seq, news.last_seq)
        self.status = news.status or self.status
        self.is_gone = self.is_gone or news.is_gone
        self._preview = news.preview or self._preview
        self._queue.extend(news.messages[: self._queue_limit - len(self._queue)])
        self.changed.set()

    def learn(self, position: Position) -> None:
        """Take what the client itself has read of the source."""
        self.take(News(last_seq=position.last_seq, status=position.status))

    def following(self, cursor: int, *, limit: int) -> list[Message]:
        """Take from the queue what follows CURSOR without a hole; empty when it must be read."""
        found: list[Message] = []
        while self._queue and self._queue[0].seq <= cursor + 1 and len(found) < limit:
            message = self._queue.popleft()
            if message.seq == cursor + 1:
                found.append(message)
                cursor = message.seq
        return found

    def take_preview(self) -> Preview | None:
        """The newest preview that was not taken yet."""
        preview, self._preview = self._preview, None
        return preview
