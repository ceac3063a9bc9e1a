"""Plugins written as the services write them: with the clock, in one transaction."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F

from plugins_app import registry
from plugins_app.models import Plugin, RegistryClock


def advance_clock() -> int:
    RegistryClock.objects.get_or_create(pk=1)
    RegistryClock.objects.update(generation=F("generation") + 1)
    transaction.on_commit(registry.note_change)
    return RegistryClock.objects.get().generation


@transaction.atomic
def add_plugin(name: str, **fields: Any) -> Plugin:
    return Plugin.objects.create(
        name=name, version="1.0.0", folder="/", digest="", generation=advance_clock(), **fields
    )


@transaction.atomic
def change_plugins(*names: str, **changes: Any) -> None:
    generation = advance_clock()
    Plugin.objects.filter(name__in=names).update(generation=generation, **changes)


@transaction.atomic
def delete_plugin(name: str) -> None:
    advance_clock()
    Plugin.objects.filter(name=name).delete()


@pytest.fixture
def spawn() -> Iterator[Callable[..., Future[Any]]]:
    """Return a starter of threads, each with a database connection of its own."""
    futures: list[Future[Any]] = []
    with ThreadPoolExecutor(max_workers=16) as pool:

        def start(act: Callable[..., Any], *args: Any) -> Future[Any]:
            futures.append(pool.submit(_and_close, act, *args))
            return futures[-1]

        yield start
    for future in futures:
        future.result()


def _and_close(act: Callable[..., Any], *args: Any) -> Any:
    try:
        return act(*args)
    finally:
        connection.close()
