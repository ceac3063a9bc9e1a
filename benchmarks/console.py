"""How the console's pages slow down as runs pile up: each with 1,000 runs, and with a million.

The runs come at one rate, one in half a minute, so a million of them is a year's work.
Uses a database of its own: an SQLite file, or what BULKHEAD_BENCH_DATABASE names (PostgreSQL;
must be empty).

    python -m benchmarks console
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FEW, MANY = 1_000, 1_000_000
PLUGINS = 8
SECONDS_APART = 30
REPEATS = 7
MOST_QUERIES = 10  # of a list of runs
# A page may not take longer with a thousand times the runs, but for a fixed sum: what is bounded
# by a number (10,000 counted, 20,000 looked through) is not yet full with FEW.
MOST_RATIO, MOST_MORE_MS = 2.0, 250.0
NO_LISTS = ("dashboard",)
SAY = (
    "INSERT INTO plugins_app_run ({columns}) WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL "
    "SELECT i + 1 FROM n WHERE i < {last}) SELECT {values} FROM n"
)
DIALECTS = {
    "sqlite": {
        "id": "printf('%012x70008000%012x', {ms}, i)",
        "at": "strftime('%Y-%m-%d %H:%M:%f', ({ms}) / 1000.0, 'unixepoch')",
        "json": "'{text}'",
    },
    "postgresql": {
        "id": "(lpad(to_hex({ms}), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid",
        "at": "to_timestamp(({ms}) / 1000.0)",
        "json": "'{text}'::jsonb",
    },
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
        _set_up(Path(folder))
        client, plugins = _visitor(), _plugins()
        start = int(time.time() * 1000) - MANY * SECONDS_APART * 1000
        # The newest first: what is measured with few is the end of what is measured with many.
        _add_runs(plugins, start, MANY - FEW + 1, MANY)
        few = dict(_measure(client, plugins[0]))
        began = time.monotonic()
        _add_runs(plugins, start, 1, MANY - FEW)
        print(f"{MANY:,} runs written in {time.monotonic() - began:.0f} s", file=sys.stderr)
        many = dict(_measure(client, plugins[0]))
    _tell(few, many)


def _set_up(folder: Path) -> None:
    os.environ |= {
        "BULKHEAD_DATA_DIR": str(folder),
        "DATABASE_URL": os.environ.get(
            "BULKHEAD_BENCH_DATABASE", f"sqlite:///{folder / 'db.sqlite3'}"
        ),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _visitor() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    user = get_user_model().objects.create_superuser("bench", password="bench")
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def _plugins() -> list[int]:
    from plugins_app.models import Plugin

    return [
        Plugin.objects.create(
            name=f"plugin-{n}", version="1.0.0", folder=f"/srv/{n}", state="INITIALIZED"
        ).pk
        for n in range(PLUGINS)
    ]


def _add_runs(plugins: list[int], start: int, first: int, last: int) -> None:
    from django.db import connection

    dialect = DIALECTS[connection.vendor]
    moment = f"(CAST({start} AS bigint) + CAST(i AS bigint) * {SECONDS_APART * 1000})"
    at, end = dialect["at"].format(ms=moment), dialect["at"].format(ms=f"{moment} + 1500")
    facts = {
        "id": dialect["id"].format(ms=moment),
        "plugin_id": f"{plugins[0]} + i % {len(plugins)}",
        "status": "CASE WHEN i % 97 = 0 THEN 'failed' WHEN i % 1009 = 0 THEN 'crashed' "
        "ELSE 'succeeded' END",
        "error_message": "CASE WHEN i % 97 = 0 THEN 'ValueError: no such frame' ELSE '' END",
        "tool": "CASE WHEN i % 3 = 0 THEN 'track' ELSE 'say' END",
        "actor": "'somebody-' || i % 20",
        "wall_seconds": "0.5 + i % 59",
        "peak_memory_bytes": "(20 + i % 211) * 1048576",
        **dict.fromkeys(("queued_at", "started_at"), at),
        "finished_at": end,
        **{
            name: dialect["json"].format(text='{{"text": "{}"}}'.format("ahoy " * 40))
            for name in ("input", "result")
        },
        **{name: dialect["json"].format(text="[]") for name in ("files", "guards")},
        "limits": dialect["json"].format(text="{}"),
        "plugin_version": "'1.0.0'",
        "queue": "'default'",
        "via": "'api'",
        **dict.fromkeys(
            ("worker_host", "cancel_reason", "signal", "error_code", "error_traceback", "log_tail"),
            "''",
        ),
        "event_count": "0",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            SAY.format(
                columns=", ".join(facts), values=", ".join(facts.values()), first=first, last=last
            )
        )
        cursor.execute("ANALYZE")


def _pages(plugin: int) -> dict[str, str]:
    from plugins_app.models import Run

    runs, newest = "/admin/plugins_app/run/", Run.objects.latest("pk")
    return {
        "runs": runs,
        "runs, page 15": f"{runs}?p=15",
        "a run's id": f"{runs}?q={newest.pk}",
        "the start of an id": f"{runs}?q={str(newest.pk)[:13]}",
        "words that are found": f"{runs}?q=frame",
        "words that are not": f"{runs}?q=nowhere",
        "of one plugin": f"{runs}?plugin__id__exact={plugin}",
        "of one plugin, crashed": f"{runs}?plugin__id__exact={plugin}&status__exact=crashed",
        "failed": f"{runs}?status__exact=failed",
        "failed or crashed": f"{runs}?status__exact=failed&status__exact=crashed",
        "a status nothing has": f"{runs}?status__exact=lost",
        "of one tool": f"{runs}?tool=track",
        "of nobody": f"{runs}?actor=nobody",
        "longer than 50 s": f"{runs}?wall_seconds_from=50",
        "longer than an hour": f"{runs}?wall_seconds_from=3600",
        "more than 200 MB": f"{runs}?peak_mb_from=200",
        "slowest first": f"{runs}?o=-5",
        "of one day": f"{runs}?on={newest.queued_at:%Y-%m-%d}",
        "of one month, failed": f"{runs}?on={newest.queued_at:%Y-%m}&status__exact=failed",
        "of one year": f"{runs}?on={newest.queued_at:%Y}",
        "plugins": "/admin/plugins_app/plugin/",
        "a plugin's runs": f"/admin/plugins_app/plugin/{plugin}/change/?tab=runs",
        "a run": f"{runs}{newest.pk}/change/",
        "comparison": f"{runs}{newest.pk}/compare/",
        "dashboard": "/admin/",
    }


def _measure(client: Any, plugin: int) -> Iterator[tuple[str, tuple[float, int]]]:
    """Yield each page's name, its median milliseconds, and how many queries it makes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for name, address in _pages(plugin).items():
        answer = client.get(address)
        assert answer.status_code == 200, (name, answer.status_code, answer.headers)
        samples = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            client.get(address)
            samples.append((time.perf_counter() - began) * 1000)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get(address)
        yield name, (statistics.median(samples), len(asked))


def _tell(few: dict[str, tuple[float, int]], many: dict[str, tuple[float, int]]) -> None:
    print(f"{'page':<26}{FEW:>10,} runs{MANY:>14,} runs   ratio  queries")
    for name, (before, _count) in few.items():
        after, count = many[name]
        is_list = name not in NO_LISTS
        is_slow = after > max(before * MOST_RATIO, before + MOST_MORE_MS)
        missed = is_slow or (is_list and count >= MOST_QUERIES)
        print(
            f"{name:<26}{before:>12.1f} ms{after:>16.1f} ms{after / before:>8.2f}{count:>9}"
            f"{'  missed' if missed else ''}"
        )


if __name__ == "__main__":
    main()
