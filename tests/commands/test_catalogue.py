"""`scan_plugins`, `plugins` and `restart_plugin`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plugins_app.models import AuditEntry, Plugin, Transition, Worker
from tests.commands.conftest import Done

Command = Callable[..., Done]
WritePlugin = Callable[..., Path]
Register = Callable[..., Plugin]


@pytest.mark.django_db(transaction=True)
def test_one_bad_plugin_never_stops_the_rest(command: Command, write_plugin: WritePlugin) -> None:
    folder = write_plugin("good", "").parent
    write_plugin("bad", "", "[limits]\nmemory_mb = 'much'\n")
    (write_plugin("nameless", "") / "plugin.toml").write_text("name = ")
    done = command("scan_plugins", "--path", folder)
    assert done.code == 0
    assert "good      registered  version 1.0.0" in done.out
    assert "nameless  refused" in done.out
    assert list(Plugin.objects.values_list("name", "state")) == [
        ("bad", "FAILED"),
        ("good", "LOADED"),
    ]
    assert "No worker is running" in done.err


@pytest.mark.django_db(transaction=True)
def test_who_scanned_stands_in_the_audit(command: Command, write_plugin: WritePlugin) -> None:
    command("scan_plugins", "--path", write_plugin("good", ""))
    assert AuditEntry.objects.get().actor.startswith("cli:")


@pytest.mark.django_db(transaction=True)
def test_a_second_scan_changes_nothing_and_says_so(
    command: Command, write_plugin: WritePlugin
) -> None:
    folder = write_plugin("good", "")
    command("scan_plugins", "--path", folder)
    done = command("scan_plugins", "--path", folder)
    assert "unchanged" in done.out
    assert not done.err


@pytest.mark.django_db
def test_a_path_that_is_no_folder_is_a_wrong_command_line(command: Command, tmp_path: Path) -> None:
    done = command("scan_plugins", "--path", tmp_path / "nowhere")
    assert done.code == 2
    assert "is no folder" in done.err


@pytest.mark.django_db
def test_an_empty_list_says_what_to_do(command: Command) -> None:
    assert "scan_plugins" in command("plugins").out
    assert command("plugins", "--json").json == []


def test_every_plugin_is_listed_with_its_reason(command: Command, register: Register) -> None:
    register()
    register("broken", "import nonsense_that_is_not_there")
    Plugin.objects.filter(name="counter").update(enabled=False)
    lines = command("plugins").out.splitlines()
    assert lines[0].split() == ["NAME", "VERSION", "STATE", "REASON"]
    assert lines[1].startswith("broken   1.0.0    FAILED")
    assert "nonsense_that_is_not_there" in lines[1]
    assert "INITIALIZED" in lines[2]


def test_scripts_get_the_list_as_json(command: Command, register: Register) -> None:
    register()
    [plugin] = command("plugins", "--json").json
    assert (plugin["name"], plugin["version"], plugin["state"]) == (
        "counter",
        "1.0.0",
        "INITIALIZED",
    )
    assert plugin["tools"] == ["count", "fail", "measure", "wait"]


def test_a_failed_plugin_is_restarted_with_a_reason(command: Command, register: Register) -> None:
    register("broken", "import nonsense_that_is_not_there")
    done = command("restart_plugin", "broken", "--reason", "the package is there now")
    assert done.code == 0
    assert "broken is LOADED" in done.out
    transition = Transition.objects.first()
    assert (transition.from_state, transition.to_state) == ("FAILED", "LOADED")
    assert transition.reason == "the package is there now"
    assert transition.actor.startswith("cli:")


def test_a_plugin_in_service_cannot_be_restarted(command: Command, register: Register) -> None:
    register()
    done = command("restart_plugin", "counter", "--reason", "to see")
    assert done.code == 1
    assert "only from FAILED or UNAVAILABLE" in done.err


@pytest.mark.django_db
def test_an_unknown_plugin_and_an_empty_reason_are_refused(command: Command) -> None:
    assert "There is no plugin named 'x'" in command("restart_plugin", "x", "--reason", "y").err
    assert "/reason is required" in command("restart_plugin", "x", "--reason", " ").err


def test_a_failure_is_one_line_at_the_shell(shell: Callable[..., Done], worker: Worker) -> None:
    done = shell("restart_plugin", "x", "--reason", "y")
    assert done.code == 1
    assert done.err == "bulkhead: There is no plugin named 'x'.\n"


def test_a_database_without_tables_is_one_line_at_the_shell(
    shell: Callable[..., Done], tmp_path: Path
) -> None:
    done = shell("plugins", DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert done.code == 1
    assert done.err.startswith("bulkhead: The database cannot be used (no such table")
    assert done.err.count("\n") == 1
