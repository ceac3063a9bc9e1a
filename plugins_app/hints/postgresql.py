"""PostgreSQL carries rings by LISTEN and NOTIFY: delivered at the commit, with nothing to set up."""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import psycopg
from django.db import DatabaseError, connection

from plugins_app.hints.doorbell import Backoff, Doorbell

logger = logging.getLogger(__name__)

CHANNEL: Final = "bulkhead"
# What Django adds to libpq's own words; a doorbell's plain connection has no use for them.
DJANGO_WORDS: Final = frozenset({"cursor_factory", "context", "prepare_threshold"})

# A host that vanishes says nothing: without probes its line would look alive for hours.
LINE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


def notify() -> None:
    """Ring at the commit of the current transaction; several rings of one arrive as one."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
    except DatabaseError:
        # Within a transaction nothing will be committed, and its owner must know. Outside of one
        # the write is done already, and only a hint is lost.
        if connection.in_atomic_block:
            raise
        logger.warning("a hint was lost", exc_info=True, extra={"action": "hint_lost"})


class PostgresDoorbell(Doorbell):
    """Listens on a connection of its own, and makes a new one when that breaks."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        super().__init__()
        self._parameters = {k: v for k, v in parameters.items() if k not in DJANGO_WORDS}
        self._connection: psycopg.Connection[Any] | None = None
        self._backoff = Backoff()
        self._connect()

    def release(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _wait_a_slice(self, seconds: float) -> bool:
        if self._connection is None:
            return self._reconnected(seconds)
        try:
            # One is enough: what else has come meanwhile says the same.
            rung = list(self._connection.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error as error:
            self._lose(error)
            return False
        return bool(rung)

    def _reconnected(self, seconds: float) -> bool:
        """Return True when it is connected again: rings may have been missed, so that counts as one."""
        if not self._backoff.is_over:
            time.sleep(seconds)
            return False
        return self._connect()

    def _connect(self) -> bool:
        try:
            self._connection = psycopg.connect(**{**self._parameters, **LINE}, autocommit=True)
            self._connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error as error:
            self._lose(error)
            return False
        self._backoff.succeed()
        return True

    def _lose(self, error: psycopg.Error) -> None:
        self.release()
        if self._backoff.is_fresh:
            logger.warning(
                "the doorbell lost PostgreSQL: %s", error, extra={"action": "doorbell_lost"}
            )
        self._backoff.fail()
