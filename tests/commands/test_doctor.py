"""`doctor`: what is there, what is missing, and how to mend it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

import sandbox
from plugins_app.models import Worker
from plugins_app.services.doctor import machine, stores
from tests.commands.conftest import Done
from tests.servers import Server

Command = Callable[..., Done]


def states(done: Done) -> dict[str, str]:
    return {check["name"]: check["state"] for check in done.json["checks"]}


@pytest.mark.django_db
def test_a_machine_in_order_is_said_to_be(command: Command, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    done = command("doctor", "--json")
    found = states(done)
    assert done.code == 0
    assert done.json["ok"] is True
    for name in ("python", "database", "migrations", "broker", "channel layer", "data directory"):
        assert found[name] == "ok"
    for guard in sandbox.guards():
        assert f"guard {guard.name}" in found


@pytest.mark.django_db
def test_people_get_aligned_lines_with_mends(command: Command) -> None:
    done = command("doctor")
    assert "ok    database" in done.out
    assert "warn  worker heartbeat" in done.out
    assert "→ Start the platform with `python manage.py up`." in done.out


@pytest.mark.django_db
def test_a_beating_worker_is_ok_and_a_silent_one_is_a_failure(command: Command) -> None:
    worker = Worker.objects.create(host="here", pid=1, process_started=0.0)
    assert states(command("doctor", "--json"))["worker heartbeat"] == "ok"
    Worker.objects.update(heartbeat_at=timezone.now() - timezone.timedelta(minutes=1))
    done = command("doctor", "--json")
    assert states(done)["worker heartbeat"] == "failed"
    assert done.code == 1
    worker.delete()
    assert states(command("doctor", "--json"))["worker heartbeat"] == "warning"


@pytest.mark.django_db
def test_every_failure_and_warning_comes_with_its_mend(command: Command, settings: Any) -> None:
    settings.REQUIRED_GUARDS = ["moat"]
    done = command("doctor", "--json")
    assert "guard moat" in done.err
    for check in done.json["checks"]:
        assert check["ok"] or check["mend"]


@pytest.mark.django_db
def test_redis_that_does_not_answer_is_a_failure(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    [finding] = [found for found in stores.check_stores() if found.name == "channel layer"]
    assert finding.state == "failed"
    assert "Redis does not answer" in finding.message


@pytest.mark.django_db
def test_a_data_directory_that_cannot_be_made_is_a_failure(
    command: Command, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    settings.DATA_DIR = tmp_path / "file" / "data"
    done = command("doctor", "--json")
    assert states(done)["data directory"] == "failed"
    assert "data directory" in done.err


def test_an_empty_database_is_a_failure_with_the_way_out(
    shell: Callable[..., Done], tmp_path: Path
) -> None:
    done = shell("doctor", DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert done.code == 1
    assert "FAIL  migrations" in done.out
    assert "→ Run `python manage.py migrate`" in done.out
    assert done.err.startswith("bulkhead: Broken: database, migrations, broker")


def test_a_database_that_is_none_is_a_failure(shell: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "broken.sqlite3").write_text("this is no database at all, whatever its name says")
    done = shell("doctor", DATABASE_URL=f"sqlite:///{tmp_path}/broken.sqlite3")
    assert done.code == 1
    assert "FAIL  database" in done.out
    assert "Traceback" not in done.err


def test_a_database_that_cannot_be_written_is_a_failure(
    shell: Callable[..., Done], tmp_path: Path
) -> None:
    sqlite3.connect(tmp_path / "locked.sqlite3").close()
    done = shell("doctor", DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/at/all.sqlite3")
    assert done.code == 1
    assert "FAIL  database" in done.out


@pytest.mark.parametrize(
    ("required", "state"), [([], "warning"), (["files"], "failed"), (["network"], "warning")]
)
def test_a_guard_that_is_not_whole_warns_and_fails_where_it_is_required(
    settings: Any, required: list[str], state: str
) -> None:
    settings.REQUIRED_GUARDS = required
    guard = sandbox.Guard(
        name="files", state=sandbox.GuardState.ABSENT, how="Landlock", why="no Landlock here"
    )
    finding = machine.about_guard(guard)
    assert finding.state == state
    assert finding.message == "absent: Landlock; no Landlock here"
    assert "lsm=" in finding.mend
    assert ("BULKHEAD_REQUIRE_GUARDS" in finding.mend) is (state == "failed")


def test_every_guard_that_may_be_missing_has_its_mend() -> None:
    always_there = {"limits", "privileges"}
    assert {guard.name for guard in sandbox.guards()} - always_there == set(machine.GUARD_MENDS)


@pytest.mark.parametrize(
    ("free", "state"), [(10 << 30, "ok"), (1 << 30, "warning"), (1 << 20, "failed")]
)
def test_a_disk_that_fills_is_told_in_time(tmp_path: Path, free: int, state: str) -> None:
    assert machine.about_space(tmp_path, free).state == state


def test_a_database_server_out_of_reach_is_a_failure(shell: Callable[..., Done]) -> None:
    done = shell("doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert done.code == 1
    assert "FAIL  database" in done.out
    assert "does not answer" in done.out
    assert "Traceback" not in done.err


def test_a_fresh_postgresql_is_told_to_be_migrated(
    shell: Callable[..., Done], postgres_server: Server
) -> None:
    done = shell("doctor", "--json", DATABASE_URL=postgres_server.url)
    assert states(done)["migrations"] == "failed"
    assert states(done)["database"] == "failed"
