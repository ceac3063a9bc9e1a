"""Whether the platform can do its work now, asked often and by anyone: cheap, and without details."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django_q.models import OrmQ

from plugins_app.models import Worker

logger = logging.getLogger(__name__)

REDIS_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Check:
    ok: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """`checks` by name; ready when every one is ok."""

    checks: Mapping[str, Check]

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "status": "ok" if self.ready else "unavailable",
            "checks": {
                name: {"ok": check.ok, "message": check.message}
                for name, check in self.checks.items()
            },
        }


def readiness() -> Readiness:
    """Look at everything a run needs. Never raises."""
    return Readiness(checks={name: _looked_at(name, look) for name, look in LOOKS.items()})


def _looked_at(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except (DatabaseError, InterfaceError, redis.RedisError, OSError) as error:
        # Whoever asks may be anyone: what exactly is wrong is for the log.
        logger.warning("not ready: %s", error, extra={"action": "not_ready", "check": name})
        return Check(ok=False, message="does not answer; see the log, or run manage.py doctor")


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Check(ok=True, message="answers")


def _broker() -> Check:
    OrmQ.objects.exists()
    return Check(ok=True, message="takes tasks")


def _channel_layer() -> Check:
    if not settings.REDIS_URL:
        return Check(ok=True, message="hints go through the database")
    timeouts = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
    with redis.Redis.from_url(settings.REDIS_URL, **timeouts) as client:
        client.ping()
    return Check(ok=True, message="Redis answers")


def _worker() -> Check:
    alive = Worker.objects.alive().count()
    if not alive:
        words = "no worker is alive: start the platform with manage.py up"
        return Check(ok=False, message=words)
    return Check(ok=True, message=f"{alive} alive")


LOOKS: Final[Mapping[str, Callable[[], Check]]] = {
    "database": _database,
    "broker": _broker,
    "channel_layer": _channel_layer,
    "worker": _worker,
}
