"""`run_plugin`: a run from the shell, executed by a worker, in the sandbox."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from plugins_app.models import Plugin, Run, Upload, Worker
from plugins_app.services import catalog
from tests.commands.conftest import COUNTER, Done

Command = Callable[..., Done]
Manage = Callable[..., subprocess.Popen[str]]
Register = Callable[..., Plugin]


def test_the_result_is_printed(command: Command, register: Register, working: Worker) -> None:
    register()
    done = command("run_plugin", "counter", "count", "--input", '{"upto": 2}')
    run = Run.objects.get()
    assert done.code == 0
    assert done.out.startswith(f"run {run.pk} of counter/count\nsucceeded in ")
    assert done.out.endswith('{\n  "last": 1\n}\n')
    assert (run.via, run.input) == ("cli", {"upto": 2})
    assert run.actor.startswith("cli:")


def test_json_is_the_run_and_nothing_else(
    command: Command, register: Register, working: Worker
) -> None:
    register()
    done = command("run_plugin", "counter", "count", "--json", "--follow")
    assert done.code == 0
    run = done.json
    assert (run["status"], run["result"], run["error"]) == ("succeeded", {"last": 2}, None)
    assert run["limits"]["timeout_seconds"] == {"value": 60, "source": "global"}
    assert run["plugin"] == "counter"
    assert '{"value": 0}' in done.err


def test_events_are_shown_as_they_come(
    command: Command, register: Register, working: Worker
) -> None:
    register()
    done = command("run_plugin", "counter", "count", "--follow")
    numbers = [line for line in done.out.splitlines() if " number " in line]
    assert [line.split("number")[1].strip() for line in numbers] == [
        '{"value": 0}',
        '{"value": 1}',
        '{"value": 2}',
    ]
    assert "100%  3 of 3" in done.out
    assert "numbers.txt (1 B)" in done.out
    assert "warning: counted \\x1b[31m" in done.out
    assert "\x1b" not in done.out


def test_a_file_is_uploaded_and_read(
    command: Command, register: Register, working: Worker, tmp_path: Path
) -> None:
    register()
    (tmp_path / "text.txt").write_text("four")
    done = command("run_plugin", "counter", "measure", "--file", f"text={tmp_path}/text.txt")
    assert done.code == 0
    assert done.out.endswith("\n4\n")
    assert Run.objects.get().files[0]["name"] == "text.txt"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["fail"], "failed", "as asked"),
        (["count", "--input", '{"upto": -1}'], "rejected", "upto must not be below zero"),
    ],
)
def test_only_success_exits_with_zero(
    command: Command,
    register: Register,
    working: Worker,
    arguments: list[str],
    status: str,
    words: str,
) -> None:
    register()
    done = command("run_plugin", "counter", *arguments)
    assert done.code == 1
    assert f"bulkhead: The run {status}. " in done.err
    assert words in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing", "count"], 1, "There is no plugin named 'nothing'"),
        (["counter", "nothing"], 1, "has no tool 'nothing'; it has: count"),
        (["counter", "count", "--input", '{"upto": "x"}'], 1, "/upto 'x' is not of type 'integer'"),
        (["counter", "count", "--input", "{"], 2, "--input is no JSON"),
        (["counter", "count", "--input", "[1]"], 2, "--input must be a JSON object"),
        (["counter", "count", "--input", '{"upto": NaN}'], 2, "NaN is not in JSON"),
        (["counter", "measure", "--file", "text"], 2, "write FIELD=PATH"),
        (["counter", "measure", "--file", "text=/nowhere"], 2, "there is no such file"),
        (
            ["counter", "measure", "--file", f"txt={__file__}"],
            2,
            "no such file field; it has: text",
        ),
        (["counter", "measure"], 1, "/text is required"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_queued(
    command: Command, register: Register, arguments: list[str], code: int, words: str
) -> None:
    register()
    done = command("run_plugin", *arguments)
    assert done.code == code
    assert words in done.err
    assert not Run.objects.exists()
    assert not Upload.objects.exists()


def test_a_plugin_out_of_service_is_refused_with_its_reason(
    command: Command, register: Register
) -> None:
    register("broken", "import nonsense_that_is_not_there")
    done = command("run_plugin", "broken", "count")
    assert done.code == 1
    assert "nonsense_that_is_not_there" in done.err


def test_without_a_worker_it_says_so_and_how_to_start_one(
    command: Command, register: Register
) -> None:
    register()
    done = command("run_plugin", "counter", "count", "--wait", "0.2")
    assert done.code == 3
    assert "no worker is running, so the run waits. `python manage.py up`" in done.err
    assert f"The run is queued and goes on: {Run.objects.get().pk}" in done.err


def test_a_plugin_that_is_being_loaded_is_waited_for(
    command: Command, write_plugin: Callable[..., Path], working: Worker
) -> None:
    command("scan_plugins", "--path", write_plugin("counter", COUNTER))
    loading = threading.Timer(0.3, _load, args=(working,))
    loading.start()
    done = command("run_plugin", "counter", "count")
    loading.join()
    assert done.code == 0


def _load(worker: Worker) -> None:
    catalog.load_plugin(name="counter", worker_id=worker.pk)
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_a_plugin_is_not_waited_for(
    command: Command, write_plugin: Callable[..., Path]
) -> None:
    command("scan_plugins", "--path", write_plugin("counter", COUNTER))
    done = command("run_plugin", "counter", "count")
    assert done.code == 1
    assert "no worker is running to load the plugin. `python manage.py up`" in done.err
    assert "is being loaded for the first time" in done.err


def test_ctrl_c_cancels_the_run_and_says_so(
    manage: Manage, register: Register, working: Worker
) -> None:
    register()
    process = manage("run_plugin", "counter", "wait", "--input", '{"seconds": 60}')
    _wait_until(lambda: Run.objects.filter(event_count__gt=0).exists())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    run = Run.objects.get()
    assert process.returncode == 130
    assert run.status == "cancelled"
    assert "interrupted at the terminal" in run.cancel_reason
    assert "Interrupted: cancelling the run" in err
    assert f"bulkhead: The run is cancelled: {run.pk}" in err
    assert "cancelled in " in out
    assert Plugin.objects.get().state == "INITIALIZED"


def test_ctrl_c_cancels_a_run_that_still_waits(manage: Manage, register: Register) -> None:
    register()
    process = manage("run_plugin", "counter", "count", "--json")
    _wait_until(Run.objects.exists)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert Run.objects.get().status == "cancelled"


def _wait_until(is_so: Callable[[], bool], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
