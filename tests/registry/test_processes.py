"""A change by another process is seen on the next read, and a fork starts afresh."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from plugins_app import registry
from tests.registry.conftest import add_plugin

CHANGE = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=20)
with database:
    database.execute("UPDATE plugins_app_registryclock SET generation = generation + 1")
    database.execute(
        "UPDATE plugins_app_plugin SET version = ?, generation ="
        " (SELECT generation FROM plugins_app_registryclock)", (sys.argv[2],)
    )
"""


@pytest.mark.django_db(transaction=True)
def test_a_change_by_another_process_is_seen_on_the_next_read(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    add_plugin("counter")
    assert registry.get("counter").version == "1.0.0"
    for version in ("2.0.0", "3.0.0"):
        _change_elsewhere(version)
        assert registry.get("counter").version == version
    with django_assert_num_queries(0):
        registry.get("counter")


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_takes_nothing_on_trust() -> None:
    """Its counters start where those of the one before it did."""
    add_plugin("counter")
    for version in ("2.0.0", "3.0.0", "4.0.0"):
        connection.close()
        registry.all()
        connection.close()
        _change_elsewhere(version)
        assert registry.get("counter").version == version


def _change_elsewhere(version: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("writes to SQLite's file")
    file = str(connection.settings_dict["NAME"])
    subprocess.run([sys.executable, "-c", CHANGE, file, version], check=True)


@pytest.mark.django_db(transaction=True)
def test_a_lock_held_during_a_fork_does_not_bind_the_child() -> None:
    add_plugin("counter")
    registry.all()
    with registry._store._lock.writing(timeout_seconds=1):
        child = os.fork()
        if not child:
            os._exit(_is_free())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _is_free() -> int:
    with registry._store._lock.reading(timeout_seconds=1):
        return 0 if registry._store._book is None else 1
