"""The hub: one thread per web process that waits for hints, reads what is new, and fans it out.

However many watch a run, its new rows are read and encoded once. The thread sleeps while nobody
watches anything. What it hands out may be late, never early: rows are read after their commit.
"""

import logging
import threading
import time
from asyncio import AbstractEventLoop
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import Error, connection

from plugins_app import hints
from plugins_app.live.sources import RunEvents, Source
from plugins_app.live.subscription import News, Subscription
from plugins_app.live.topics import RunTopic, Topic, read_facts, topic_of

logger = logging.getLogger(__name__)

QUEUE_LIMIT: Final = 256
LOOK_AGAIN_SECONDS: Final = 0.5
"""A hint may be late or lost; the store is looked at this often all the same."""

REST_SECONDS: Final = 0.01
"""Between two looks: many small commits in a row are read together."""


class Hub:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._topics: dict[Source, Topic] = {}
        self._thread: threading.Thread | None = None
        self._is_failing = False

    @contextmanager
    def subscribed(
        self, source: Source, *, queue_limit: int = QUEUE_LIMIT
    ) -> Iterator[Subscription]:
        """Yield a subscription of the running event loop to SOURCE.

        Read the source's position after this: what is committed later than that read is announced.
        """
        subscription = Subscription(queue_limit=queue_limit)
        self._add(source, subscription)
        try:
            yield subscription
        finally:
            self._remove(source, subscription)

    def _add(self, source: Source, subscription: Subscription) -> None:
        with self._changed:
            topic = self._topics.setdefault(source, topic_of(source))
            topic.subscriptions.add(subscription)
            subscription.take(topic.known)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="live-hub", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _remove(self, source: Source, subscription: Subscription) -> None:
        with self._changed:
            topic = self._topics[source]
            topic.subscriptions.discard(subscription)
            if not topic.subscriptions:
                del self._topics[source]

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._topics)
            try:
                self._watch()
            except Exception as error:  # noqa: BLE001
                # Whatever it was: without this thread every feed of the process would stand still.
                self._complain(error)
                time.sleep(LOOK_AGAIN_SECONDS)
            finally:
                connection.close()

    def _watch(self) -> None:
        """Look whenever it rings, until nobody watches."""
        thorough_at = 0.0
        with hints.listen() as doorbell:
            while topics := self._watched():
                now = time.monotonic()
                is_thorough = now >= thorough_at
                if is_thorough:
                    thorough_at = now + LOOK_AGAIN_SECONDS
                self._look(topics, thoroughly=is_thorough)
                self._is_failing = False
                time.sleep(REST_SECONDS)
                if not any(topic.has_more for topic in topics):
                    doorbell.wait(max(0.0, thorough_at - time.monotonic()))

    def _watched(self) -> list[Topic]:
        with self._changed:
            return list(self._topics.values())

    def _look(self, topics: list[Topic], *, thoroughly: bool) -> None:
        open_topics = [topic for topic in topics if not topic.is_over]
        run_ids = [t.source.run_id for t in open_topics if isinstance(t.source, RunEvents)]
        facts = read_facts(run_ids) if run_ids else {}
        for topic in open_topics:
            if isinstance(topic, RunTopic):
                news = topic.look_at(facts.get(topic.run_id), thoroughly=thoroughly)
            else:
                news = topic.look()
            if news is not None:
                self._hand_out(topic, news)

    def _hand_out(self, topic: Topic, news: News) -> None:
        with self._changed:
            by_loop: dict[AbstractEventLoop, list[Subscription]] = defaultdict(list)
            for subscription in topic.subscriptions:
                by_loop[subscription.loop].append(subscription)
        for loop, subscriptions in by_loop.items():
            try:
                loop.call_soon_threadsafe(_deliver, subscriptions, news)
            except RuntimeError:
                # The loop is closed, and with it whoever would have read this.
                logger.debug("an event loop ended before its subscriptions")

    def _complain(self, error: Exception) -> None:
        if not self._is_failing:
            logger.warning(
                "the live feeds stand still (%s): they go on once the database answers again",
                error,
                exc_info=None if isinstance(error, Error | OSError) else error,
                extra={"action": "live_store_lost"},
            )
        self._is_failing = True


def _deliver(subscriptions: list[Subscription], news: News) -> None:
    for subscription in subscriptions:
        subscription.take(news)


hub: Final = Hub()
"""The one of this process. Its thread starts with the first subscription."""
