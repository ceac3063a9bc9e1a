"""The doorbell: one process tells the others that something was committed. Never what it was.

A hint may come late, doubled or not at all; whoever listens looks into the database, now and then
also without a ring. SQLite rings by itself (a watched commit counter), PostgreSQL by NOTIFY, and
where Redis is configured, Redis carries it.

    with hints.listen() as doorbell:
        while True:
            doorbell.wait(0.5)
            look()
"""

from django.conf import settings
from django.db import connection

from plugins_app.hints.doorbell import Doorbell
from plugins_app.hints.postgresql import PostgresDoorbell, notify
from plugins_app.hints.redis import RedisDoorbell, publish_on_commit
from plugins_app.hints.sqlite import SqliteDoorbell

__all__ = ["Doorbell", "listen", "ring"]


def ring() -> None:
    """Have every listener woken once the current transaction, if any, is committed."""
    if settings.REDIS_URL:
        publish_on_commit(settings.REDIS_URL)
    elif connection.vendor == "postgresql":
        notify()


def listen() -> Doorbell:
    """Return a doorbell for one thread; a context manager."""
    if settings.REDIS_URL:
        return RedisDoorbell(settings.REDIS_URL)
    if connection.vendor == "postgresql":
        return PostgresDoorbell(connection.get_connection_params())
    return SqliteDoorbell(str(connection.settings_dict["NAME"]))
