"""What a reader of the registry sees, and what it costs."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from django.db import connection, transaction

from plugins_app import registry
from plugins_app.errors import RegistryBusy
from plugins_app.lifecycle import State
from plugins_app.models import Plugin, RegistryClock
from tests.registry.conftest import add_plugin, change_plugins, delete_plugin

Queries = Callable[[int], Any]
Spawn = Callable[..., Future[Any]]


def names() -> list[str]:
    return [plugin.name for plugin in registry.all()]


@pytest.mark.django_db
def test_an_empty_registry_has_nothing() -> None:
    assert registry.all() == ()
    assert registry.get("counter") is None
    assert registry.generation() == 0


@pytest.mark.django_db
def test_plugins_come_by_name() -> None:
    add_plugin("b")
    add_plugin("a")
    assert names() == ["a", "b"]
    assert registry.generation() == 2


@pytest.mark.django_db
def test_a_snapshot_has_the_records_fields() -> None:
    plugin = add_plugin(
        "counter",
        state=State.FAILED,
        reason="init() failed.",
        tools=[{"name": "count", "title": "Count"}],
        manifest={"limits": {"memory_mb": 128}},
        timeout_seconds=5,
        recent_milliseconds=[3, 4],
    )
    snapshot = registry.get("counter")
    assert snapshot.id == plugin.pk
    assert snapshot.state is State.FAILED
    assert snapshot.recent_milliseconds == (3, 4)
    assert snapshot.tool("count") == {"name": "count", "title": "Count"}
    assert snapshot.tool("other") is None
    assert snapshot.limits.timeout_seconds.source == "operator"
    assert snapshot.limits.memory_mb.source == "manifest"
    assert snapshot.limits.max_concurrent_runs.source == "global"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": State.INITIALIZED}, ""),
        ({"state": State.RUNNING}, ""),
        ({"state": State.FAILED, "reason": "It broke."}, "FAILED: It broke."),
        ({"state": State.UNAVAILABLE, "reason": "No GPU."}, "UNAVAILABLE: No GPU."),
        ({"state": State.INITIALIZED, "enabled": False}, "disabled"),
    ],
)
def test_a_snapshot_says_whether_and_why_runs_are_refused(
    fields: dict[str, Any], words: str
) -> None:
    record = add_plugin("counter", tools=[{"name": "count"}], **fields)
    snapshot = registry.get("counter")
    assert snapshot.accepts_runs is not bool(words)
    assert words in snapshot.refusal
    assert snapshot.refusal == record.refusal


@pytest.mark.django_db
def test_a_snapshot_cannot_be_changed() -> None:
    add_plugin("counter")
    with pytest.raises(FrozenInstanceError):
        registry.get("counter").state = State.FAILED


@pytest.mark.django_db(transaction=True)
def test_a_change_is_seen_on_the_next_read() -> None:
    add_plugin("counter")
    assert registry.get("counter").version == "1.0.0"
    change_plugins("counter", version="2.0.0")
    assert registry.get("counter").version == "2.0.0"


@pytest.mark.django_db(transaction=True)
def test_a_deleted_plugin_is_gone() -> None:
    add_plugin("a")
    add_plugin("b")
    assert names() == ["a", "b"]
    delete_plugin("a")
    assert names() == ["b"]


@pytest.mark.django_db(transaction=True)
def test_reads_cost_no_query_while_nothing_is_committed(
    django_assert_num_queries: Queries,
) -> None:
    for number in range(20):
        add_plugin(f"plugin-{number}")
    registry.all()
    with django_assert_num_queries(0):
        for number in range(20):
            assert registry.get(f"plugin-{number}")
        registry.all()


@pytest.mark.django_db(transaction=True)
def test_a_commit_of_something_else_costs_one_query(django_assert_num_queries: Queries) -> None:
    add_plugin("counter")
    registry.all()
    registry.note_change()
    with django_assert_num_queries(1):
        registry.all()
        registry.all()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("plugins", [1, 20])
def test_a_change_costs_the_same_however_many_plugins_there_are(
    plugins: int, django_assert_num_queries: Queries
) -> None:
    for number in range(plugins):
        add_plugin(f"plugin-{number}")
    registry.all()
    change_plugins("plugin-0", version="2.0.0")
    with django_assert_num_queries(5):
        registry.all()


@pytest.mark.django_db(transaction=True)
def test_only_what_changed_is_read_again() -> None:
    add_plugin("a")
    add_plugin("b")
    before = registry.all()
    change_plugins("a", version="2.0.0")
    after = registry.all()
    assert after[0] is not before[0]
    assert after[1] is before[1]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_sees_its_own_changes_and_nobody_else_does(spawn: Spawn) -> None:
    add_plugin("a")
    registry.all()
    with transaction.atomic():
        add_plugin("b")
        assert names() == ["a", "b"]
        assert spawn(names).result() == ["a"]
    assert names() == ["a", "b"]
    assert spawn(names).result() == ["a", "b"]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_there() -> None:
    add_plugin("a")
    with transaction.atomic():
        add_plugin("b")
        assert names() == ["a", "b"]
        transaction.set_rollback(True)
    assert names() == ["a"]
    add_plugin("c")  # has the generation number that was rolled back
    assert names() == ["a", "c"]


@pytest.mark.django_db
def test_a_savepoint_that_is_rolled_back_is_forgotten() -> None:
    add_plugin("a")
    with transaction.atomic():
        add_plugin("b")
        assert names() == ["a", "b"]
        transaction.set_rollback(True)
    assert names() == ["a"]
    add_plugin("c")
    assert names() == ["a", "c"]


@pytest.mark.django_db(transaction=True)
def test_a_database_put_back_to_an_older_state_is_read_anew() -> None:
    for name in ("a", "b", "c"):
        add_plugin(name)
    assert registry.generation() == 3
    Plugin.objects.exclude(name="a").delete()
    with transaction.atomic():
        Plugin.objects.update(generation=1, version="0.9.0")
        RegistryClock.objects.update(generation=1)
    assert names() == ["a"]
    assert registry.get("a").version == "0.9.0"


@pytest.mark.django_db(transaction=True)
def test_a_change_by_another_thread_is_seen_on_the_next_read(spawn: Spawn) -> None:
    add_plugin("counter")
    registry.all()
    for number in range(20):
        spawn(_change_version, number).result()
        assert registry.get("counter").version == str(number)


def _change_version(number: int) -> None:
    change_plugins("counter", "a", version=str(number))


@pytest.mark.django_db(transaction=True)
def test_readers_never_see_half_of_a_change(spawn: Spawn) -> None:
    """Every change touches all plugins at once; four threads read while three write."""
    plugins = [f"plugin-{number}" for number in range(5)]
    for name in plugins:
        add_plugin(name)
    stop = threading.Event()
    readers = [spawn(_look_for_halves, stop) for _ in range(4)]
    writers = [spawn(_change_all, plugins, number) for number in range(3)]
    for writer in writers:
        writer.result()
    stop.set()
    assert sum(reader.result() for reader in readers) > 0
    assert registry.generation() == 5 + 3 * 15


@pytest.mark.django_db(transaction=True)
def test_a_change_that_comes_between_two_queries_is_seen_whole(spawn: Spawn) -> None:
    add_plugin("a")
    registry.all()
    spawn(_change_version, 1).result()
    came: list[str] = []

    def come_between(execute: Any, sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if "plugins_app_plugin" in sql and not came:
            came.append(sql)
            spawn(_add_b_and_change_a).result()
        return result

    with connection.execute_wrapper(come_between):
        plugins = registry.all()
    assert came
    assert [(plugin.name, plugin.version) for plugin in plugins] == [("a", "9"), ("b", "1.0.0")]


@transaction.atomic
def _add_b_and_change_a() -> None:
    add_plugin("b")
    change_plugins("a", version="9")


def _look_for_halves(stop: threading.Event) -> int:
    reads, last = 0, 0
    while not stop.is_set():
        plugins = registry.all()
        assert len({plugin.description for plugin in plugins}) == 1
        assert plugins[0].generation >= last
        last = plugins[0].generation
        reads += 1
        time.sleep(0.001)
    return reads


def _change_all(plugins: list[str], writer: int) -> None:
    for number in range(15):
        description = f"{writer}-{number}"
        change_plugins(*plugins, description=description)
        # Others may have written since, but nobody may read what was there before this write.
        assert registry.get(plugins[0]).description != f"{writer}-{number - 1}"


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_cannot_be_had_is_registry_busy(settings: Any, spawn: Spawn) -> None:
    settings.REGISTRY_LOCK_SECONDS = 0.05
    add_plugin("counter")
    is_held, let_go = threading.Event(), threading.Event()
    spawn(_hold_for_writing, is_held, let_go)
    is_held.wait(5)
    with pytest.raises(RegistryBusy):
        registry.get("counter")
    let_go.set()


def _hold_for_writing(is_held: threading.Event, let_go: threading.Event) -> None:
    with registry._store._lock.writing(timeout_seconds=5):
        is_held.set()
        let_go.wait(5)
