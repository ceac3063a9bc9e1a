"""The registry on a real PostgreSQL: one query of one row per read, and no change is missed."""

import os
import subprocess
import sys

import psycopg

from tests.servers import Server

PROGRAM = """
import os
import django; django.setup()
import psycopg
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from plugins_app import registry
from tests.registry.conftest import add_plugin, change_plugins

def names():
    return [plugin.name for plugin in registry.all()]

call_command("migrate", verbosity=0)
for name in ("a", "b", "c"):
    add_plugin(name)
assert names() == ["a", "b", "c"]

with CaptureQueriesContext(connection) as queries:
    registry.all()
assert len(queries) == 1, queries.captured_queries
assert "registryclock" in queries[0]["sql"]

with psycopg.connect(os.environ["DATABASE_URL"]) as another:
    another.execute("UPDATE plugins_app_registryclock SET generation = generation + 1")
    another.execute(
        "UPDATE plugins_app_plugin SET version = '2.0.0', generation ="
        " (SELECT generation FROM plugins_app_registryclock) WHERE name = 'a'"
    )
    assert registry.get("a").version == "1.0.0"  # not committed yet
assert registry.get("a").version == "2.0.0"

with transaction.atomic():
    add_plugin("d")
    assert names() == ["a", "b", "c", "d"]
    transaction.set_rollback(True)
assert names() == ["a", "b", "c"]
change_plugins("b", version="3.0.0")  # has the generation number that was rolled back
assert registry.get("b").version == "3.0.0"
"""


def test_a_read_is_one_query_and_misses_nothing(postgres_server: Server) -> None:
    url = postgres_server.url.removesuffix("/postgres") + "/registry"
    with psycopg.connect(postgres_server.url, autocommit=True) as server:
        server.execute("CREATE DATABASE registry")
    settings = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": os.pathsep.join(("platform", ".")),
        "DATABASE_URL": url,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
