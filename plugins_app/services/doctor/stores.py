"""The database and what lives in it: the broker's tasks and the workers' heartbeats; Redis."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import redis
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F
from django.utils import timezone
from django_q.models import OrmQ

from plugins_app.models import RegistryClock, Run, Worker
from plugins_app.services.doctor.findings import Finding, failed, ok, warning

REDIS_SECONDS: Final = 2.0
MIGRATE: Final = "Run `python manage.py migrate` (or `up`, which does it first)."
START: Final = "Start the platform with `python manage.py up`."


def check_stores() -> Iterator[Finding]:
    yield _channel_layer()
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        # Asked once only: a server that is out of reach takes its time to be so.
        yield failed("database", f"does not answer: {_one_line(error)}", "Correct DATABASE_URL.")
        return
    for name, check in CHECKS.items():
        try:
            yield check()
        except DatabaseError as error:
            yield failed(name, _one_line(error), MIGRATE)


def _database() -> Finding:
    with transaction.atomic():
        # A write that is taken back: a read-only file or a full disk shows here.
        RegistryClock.objects.update(generation=F("generation"))
        transaction.set_rollback(True)
    version = ".".join(map(str, connection.get_database_version()))
    return ok("database", f"{connection.display_name} {version}, writable")


def _migrations() -> Finding:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return ok("migrations", "all applied")
    names = ", ".join(f"{step.app_label}.{step.name}" for step, _backwards in plan[:3])
    more = f" and {len(plan) - 3} more" if len(plan) > 3 else ""
    return failed("migrations", f"not applied: {names}{more}", MIGRATE)


def _broker() -> Finding:
    waiting = OrmQ.objects.filter(lock__lte=timezone.now()).count()
    return ok("broker", f"tasks in the database, {waiting} waiting")


def _channel_layer() -> Finding:
    if not settings.REDIS_URL:
        return ok("channel layer", "in the database's care; REDIS_URL is not set, nor needed")
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
    )
    try:
        client.ping()
    except redis.RedisError as error:
        words = f"Redis does not answer: {_one_line(error)}"
        return failed("channel layer", words, "Start Redis, or correct or unset REDIS_URL.")
    finally:
        client.close()
    return ok("channel layer", "Redis answers")


def _workers() -> Finding:
    alive = list(Worker.objects.alive())
    if alive:
        age = min((timezone.now() - worker.heartbeat_at).total_seconds() for worker in alive)
        return ok("worker heartbeat", f"{len(alive)} alive, the last beat {max(0, age):.0f} s ago")
    silent = Worker.objects.gone().count()
    unfinished = Run.objects.active().count()
    if silent or unfinished:
        words = f"no worker alive, {silent} fell silent, {unfinished} runs wait for one"
        return failed("worker heartbeat", words, START)
    return warning("worker heartbeat", "no worker is running", START)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


CHECKS: Final[Mapping[str, Callable[[], Finding]]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "worker heartbeat": _workers,
}
