"""Plugins found, loaded, upgraded and operated; one bad plugin never stops the rest."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins_app.errors import IllegalTransition, InvalidInput, NotFound
from plugins_app.lifecycle import State
from plugins_app.models import AuditEntry, Plugin, Transition, Worker
from plugins_app.services import catalog
from tests.services.conftest import ANN, COUNTER

HEAD = "from sandbox.sdk import Plugin, tool\n"
GOOD = "    def validate(self) -> None: ...\n    @tool\n    def go(self) -> None: ...\n"
CHAINED = """
try:
    import nothing_there
except ImportError as error:
    raise RuntimeError("no luck") from error
"""
BROKEN = {
    "syntax": ("def broken(:\n", "import_failed", "SyntaxError"),
    "exits": ("import os\nos._exit(3)\n", "load_crashed", "exit code 3"),
    "hangs": ("while True: pass\n", "load_timed_out", "not ready within"),
    "noval": (
        HEAD + "class Noval(Plugin):\n    @tool\n    def go(self) -> None: ...\n",
        "no_validate",
        "has no validate()",
    ),
    "badtool": (
        HEAD + "class Badtool(Plugin):\n" + GOOD.replace("go(self)", "go(self, x)"),
        "bad_tool",
        "does not annotate `x`",
    ),
    "chained": (
        CHAINED,
        "import_failed",
        "No module named 'nothing_there'",
    ),
    "initfails": (
        HEAD + "class Initfails(Plugin):\n    def init(self) -> None:\n        1 / 0\n" + GOOD,
        "init_failed",
        "ZeroDivisionError",
    ),
}


def test_one_bad_plugin_never_stops_the_rest(
    worker: Worker, write_plugin: Callable[..., Path], tmp_path: Path
) -> None:
    write_plugin("counter", COUNTER)
    for name, (code, _code, _words) in BROKEN.items():
        write_plugin(name, code, "[limits]\ntimeout_seconds = 1\n")
    (tmp_path / "plugins" / "nameless").mkdir()
    (tmp_path / "plugins" / "nameless" / "plugin.toml").write_text("version = ")
    entries = catalog.scan(folders=[tmp_path / "plugins"], actor=ANN)
    assert {e.folder.name for e in entries if e.outcome == "refused"} == {"nameless"}
    for plugin in Plugin.objects.all():
        catalog.load_plugin(name=plugin.name, worker_id=worker.pk)
    assert Plugin.objects.get(name="counter").state == State.INITIALIZED
    for name, (_code, code, words) in BROKEN.items():
        plugin = Plugin.objects.get(name=name)
        assert (plugin.state, plugin.code) == (State.FAILED, code), plugin.reason
        assert words in plugin.reason


def test_a_broken_manifest_with_a_name_is_listed_with_its_faults(
    worker: Worker, tmp_path: Path
) -> None:
    folder = tmp_path / "plugins" / "torn"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text('name = "torn"\nversion = "one"\nentrypoint = 3\n')
    catalog.scan(folders=[folder], actor=ANN)
    plugin = Plugin.objects.get(name="torn")
    assert (plugin.state, plugin.code) == (State.FAILED, "bad_manifest")
    assert "/version" in plugin.reason
    assert "/entrypoint" in plugin.reason


def test_what_a_plugin_lacks_makes_it_unavailable_and_says_what_to_do(
    register: Callable[..., Plugin],
) -> None:
    plugin = register(manifest='[requires]\npackages = ["no-such-package>=2"]\n')
    assert (plugin.state, plugin.code) == (State.UNAVAILABLE, "package_missing")
    assert "pip install 'no-such-package>=2'" in plugin.reason
    assert [tool["name"] for tool in plugin.tools] == ["count", "fail", "wait"]


def test_a_plugin_that_needs_a_gpu_is_unavailable_without_one(
    register: Callable[..., Plugin],
) -> None:
    plugin = register(manifest="[requires]\ngpu = true\n")
    assert plugin.state == State.UNAVAILABLE
    assert "GPU" in plugin.reason


def test_the_first_registered_keeps_the_name(
    register: Callable[..., Plugin], tmp_path: Path
) -> None:
    first = register()
    shutil.copytree(first.folder, tmp_path / "elsewhere")
    (entry,) = catalog.scan(folders=[tmp_path / "elsewhere"], actor=ANN)
    assert entry.outcome == "refused"
    assert first.folder in entry.message
    assert Plugin.objects.get().folder == first.folder


def test_new_code_takes_an_initialized_plugin_through_loaded(
    register: Callable[..., Plugin], worker: Worker
) -> None:
    folder = Path(register().folder)
    manifest = (folder / "plugin.toml").read_text()
    (folder / "plugin.toml").write_text(manifest.replace("1.0.0", "1.1.0"))
    (entry,) = catalog.scan(folders=[folder], actor=ANN)
    assert (entry.outcome, entry.message) == ("upgraded", "version 1.0.0 → 1.1.0")
    assert Plugin.objects.get().state == State.LOADED
    catalog.load_plugin(name="counter", worker_id=worker.pk)
    assert Plugin.objects.get().version == "1.1.0"
    assert Plugin.objects.get().state == State.INITIALIZED
    assert catalog.scan(folders=[folder], actor=ANN)[0].outcome == "unchanged"


def test_an_upgrade_leaves_a_failed_plugin_failed(
    register: Callable[..., Plugin], worker: Worker
) -> None:
    plugin = register(code="1 / 0")
    assert plugin.state == State.FAILED
    (Path(plugin.folder) / "counter.py").write_text(COUNTER)
    (entry,) = catalog.scan(folders=[Path(plugin.folder)], actor=ANN)
    catalog.load_plugin(name="counter", worker_id=worker.pk)
    assert "stays FAILED" in entry.message
    assert Plugin.objects.get().state == State.FAILED
    catalog.restart_plugin(name="counter", actor=ANN, reason="mended")
    catalog.load_plugin(name="counter", worker_id=worker.pk)
    assert Plugin.objects.get().state == State.INITIALIZED


def test_a_plugin_whose_folder_is_gone_leaves_service(
    register: Callable[..., Plugin], tmp_path: Path
) -> None:
    shutil.rmtree(register().folder)
    (entry,) = catalog.scan(folders=[tmp_path / "plugins"], actor=ANN)
    assert "is gone" in entry.message
    assert Plugin.objects.get().code == "folder_missing"


def test_a_restart_needs_a_reason_and_a_plugin_out_of_service(
    register: Callable[..., Plugin],
) -> None:
    register()
    with pytest.raises(InvalidInput) as caught:
        catalog.restart_plugin(name="counter", actor=ANN, reason="  ")
    assert caught.value.faults[0].pointer == "/reason"
    with pytest.raises(IllegalTransition):
        catalog.restart_plugin(name="counter", actor=ANN, reason="why not")
    with pytest.raises(NotFound):
        catalog.restart_plugin(name="nobody", actor=ANN, reason="why not")


def test_a_reload_loads_an_initialized_plugin_anew(
    register: Callable[..., Plugin], worker: Worker
) -> None:
    register()
    catalog.reload_plugin(name="counter", actor=ANN, reason="new config")
    assert Plugin.objects.get().state == State.LOADED
    catalog.load_plugin(name="counter", worker_id=worker.pk)
    codes = list(Transition.objects.order_by("seq").values_list("code", flat=True))
    assert codes == ["registered", "initialized", "reloaded", "initialized"]


def test_a_load_whose_worker_dies_is_done_again_and_given_up_after_three(
    register: Callable[..., Plugin], worker: Worker
) -> None:
    register()
    catalog.reload_plugin(name="counter", actor=ANN, reason="again")
    for _attempt in range(3):
        assert Plugin.objects.get().state == State.LOADED
        Plugin.objects.update(loading_worker=worker, load_attempts=_attempt + 1)
        catalog.lose_load(name="counter", worker_id=worker.pk, reason="Its worker died.")
    plugin = Plugin.objects.get()
    assert (plugin.state, plugin.code) == (State.FAILED, "load_lost")


def test_a_load_cut_short_by_a_stopping_worker_counts_for_nothing(
    worker: Worker, write_plugin: Callable[..., Path]
) -> None:
    folder = write_plugin("slow", "import time\ntime.sleep(30)\n")
    catalog.scan(folders=[folder], actor=ANN)
    for _stop in range(4):
        catalog.load_plugin(name="slow", worker_id=worker.pk, should_stop=lambda: "stopping")
    plugin = Plugin.objects.get()
    assert (plugin.state, plugin.load_attempts) == (State.LOADED, 0)
    assert plugin.load_requested_at is not None


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"timeout_seconds": 0}, "/timeout_seconds"),
        ({"memory_mb": 1}, "/memory_mb"),
        ({"memory_mb": "much"}, "/memory_mb"),
        ({"max_concurrent_runs": True}, "/max_concurrent_runs"),
        ({"enabled": None}, "/enabled"),
        ({"state": "INITIALIZED"}, "/state"),
        ({"config": {"nothing": 1}}, "/config/nothing"),
        ({"config": 3}, "/config"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(
    register: Callable[..., Plugin], changes: dict[str, object], pointer: str
) -> None:
    before = register()
    with pytest.raises(InvalidInput) as caught:
        catalog.configure_plugin(name="counter", actor=ANN, changes={"enabled": False} | changes)
    assert pointer in [fault.pointer for fault in caught.value.faults]
    assert Plugin.objects.get().generation == before.generation


def test_a_change_is_audited_before_and_after_with_secrets_hidden(
    register: Callable[..., Plugin],
) -> None:
    register(manifest='[config]\nkey = {secret = true, default = ""}\nsize = 3\n')
    changes = {"timeout_seconds": 5, "config": {"key": "hush", "size": 4}}
    plugin = catalog.configure_plugin(name="counter", actor=ANN, changes=changes)
    assert plugin.config == {"key": "hush", "size": 4}
    entry = AuditEntry.objects.get(action="plugin.configured")
    assert entry.before["timeout_seconds"] is None
    assert entry.after["timeout_seconds"] == 5
    assert "hush" not in str(entry.after)
    catalog.configure_plugin(name="counter", actor=ANN, changes={"config": {"size": None}})
    assert Plugin.objects.get().config == {"key": "hush"}
    catalog.configure_plugin(name="counter", actor=ANN, changes={"config": None})
    assert Plugin.objects.get().config == {}
