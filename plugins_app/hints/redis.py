"""Redis carries rings by publish and subscribe. A ring it loses is made up for by the next look."""

import functools
import logging
import time
from typing import Final

import redis
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from plugins_app.hints.doorbell import Backoff, Doorbell

logger = logging.getLogger(__name__)

CHANNEL: Final = "bulkhead"
SOCKET_SECONDS: Final = 1.0


def publish_on_commit(url: str) -> None:
    transaction.on_commit(_publisher(url).publish, robust=True)


class Publisher:
    """Says that there is news, on kept connections. A Redis that is away is never an error here."""

    def __init__(self, url: str) -> None:
        self._client = _client(url)
        self._backoff = Backoff()
        self._has_warned = False

    def publish(self) -> None:
        # While Redis is away it is left alone for a while: no writer waits for it again and again.
        if not self._backoff.is_over:
            return
        try:
            self._client.publish(CHANNEL, b"")
        except (redis.RedisError, OSError) as error:
            self._backoff.fail()
            self._warn_once(error)
        else:
            self._backoff.succeed()
            self._has_warned = False

    def _warn_once(self, error: Exception) -> None:
        if not self._has_warned:
            logger.warning(
                "hints are lost while Redis is away (%s), so news come up to half a second late: "
                "check REDIS_URL and its server",
                error,
                extra={"action": "hint_lost"},
            )
        self._has_warned = True


class RedisDoorbell(Doorbell):
    """Subscribes on a connection of its own, and again when that breaks."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._subscription = _client(url).pubsub(ignore_subscribe_messages=True)
        self._is_subscribed = False
        self._backoff = Backoff()
        self._subscribe()

    def release(self) -> None:
        self._subscription.close()

    def _wait_a_slice(self, seconds: float) -> bool:
        if not self._is_subscribed:
            return self._resubscribed(seconds)
        try:
            rung = self._subscription.get_message(timeout=seconds) is not None
            while rung and self._subscription.get_message(timeout=0) is not None:
                pass  # One look answers them all.
        except (redis.RedisError, OSError) as error:
            self._lose(error)
            return False
        return rung

    def _resubscribed(self, seconds: float) -> bool:
        """Return True when it hears again: rings may have been missed, so that counts as one."""
        if not self._backoff.is_over:
            time.sleep(seconds)
            return False
        return self._subscribe()

    def _subscribe(self) -> bool:
        try:
            self._subscription.subscribe(CHANNEL)
        except (redis.RedisError, OSError) as error:
            self._lose(error)
            return False
        self._is_subscribed = True
        self._backoff.succeed()
        return True

    def _lose(self, error: Exception) -> None:
        self._is_subscribed = False
        if self._backoff.is_fresh:
            logger.warning("the doorbell lost Redis: %s", error, extra={"action": "doorbell_lost"})
        self._backoff.fail()


_publisher = functools.cache(Publisher)


@functools.cache
def _client(url: str) -> redis.Redis:
    # One pool of connections for each process; after a fork it makes new ones by itself. One more
    # try, at once, mends a connection that the server dropped; redis-py's own patience would hold
    # a writer up for seconds.
    return redis.Redis.from_url(
        url,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=SOCKET_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
