"""Redis carries rings by publish and subscribe. A ring it loses is made up for by the next look."""

import functools
import logging
import time
from typing import Final

import redis
from django.db import transaction

from plugins_app.hints.doorbell import Backoff, Doorbell

logger = logging.getLogger(__name__)

CHANNEL: Final = "bulkhead"
SOCKET_SECONDS: Final = 2.0


def publish_on_commit(url: str) -> None:
    transaction.on_commit(functools.partial(_publish, url), robust=True)


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
            return self._subscription.get_message(timeout=seconds) is not None
        except (redis.RedisError, OSError) as error:
            self._lose(error)
            return False

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
        self._backoff.fail()
        logger.warning("the doorbell lost Redis: %s", error, extra={"action": "doorbell_lost"})


def _publish(url: str) -> None:
    try:
        _client(url).publish(CHANNEL, b"")
    except (redis.RedisError, OSError) as error:
        logger.warning("a hint was lost: %s", error, extra={"action": "hint_lost"})


@functools.cache
def _client(url: str) -> redis.Redis:
    # One pool of connections for each process; after a fork it makes new ones by itself.
    return redis.Redis.from_url(
        url, socket_timeout=SOCKET_SECONDS, socket_connect_timeout=SOCKET_SECONDS
    )
