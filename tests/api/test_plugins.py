"""The plugins over HTTP."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from plugins_app import registry
from plugins_app.lifecycle import State
from plugins_app.models import AuditEntry, Plugin
from tests.api.conftest import Caller
from tests.api.problems import assert_problem

HEALTH = {
    "name",
    "state",
    "reason",
    "version",
    "since",
    "uptime_seconds",
    "last_used",
    "success_count",
    "error_count",
    "last_execution_time_ms",
    "avg_execution_time_ms",
}


def test_the_list_is_a_flat_array_of_plugins_in_any_state(
    viewer: Caller, make_plugin: Callable[..., Plugin]
) -> None:
    make_plugin("sound")
    make_plugin("broken", State.FAILED, reason="It fell over.")
    listed = viewer.get("plugins/").json()
    assert [(p["name"], p["state"], p["reason"]) for p in listed] == [
        ("broken", "FAILED", "It fell over."),
        ("sound", "INITIALIZED", ""),
    ]
    assert listed[1]["tools"] == ["count"]


def test_the_list_is_empty_before_the_first_plugin(viewer: Caller) -> None:
    assert viewer.get("plugins/").json() == []


@pytest.mark.django_db(transaction=True)
def test_the_list_asks_the_database_for_nothing_but_the_caller(
    viewer: Caller, make_plugin: Callable[..., Plugin], django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make_plugin(f"plugin-{number}")
    viewer.get("plugins/")
    # The token, and the permissions of the user and of their groups.
    with django_assert_max_num_queries(3):
        viewer.get("plugins/")


def test_a_list_that_the_client_has_is_not_sent_again(
    viewer: Caller, make_plugin: Callable[..., Plugin]
) -> None:
    make_plugin("one")
    etag = viewer.get("plugins/")["ETag"]
    assert viewer.get("plugins/", If_None_Match=etag).status_code == 304
    make_plugin("two")
    assert viewer.get("plugins/", If_None_Match=etag).status_code == 200


def test_the_detail_shows_limits_with_their_source_and_never_a_secret(
    viewer: Caller, make_plugin: Callable[..., Plugin]
) -> None:
    make_plugin("counter", memory_mb=99, config={"key": "hush", "speed": 3})
    detail = viewer.get("plugins/counter/").json()
    assert detail["limits"] == {
        "timeout_seconds": {"value": 300, "source": "manifest"},
        "memory_mb": {"value": 99, "source": "operator"},
        "max_concurrent_runs": {"value": 4, "source": "global"},
    }
    assert detail["config"] == {"speed": 3, "key": "set"}
    assert detail["tools"][0]["input_schema"]["properties"]["upto"] == {"type": "integer"}
    assert detail["manifest"]["entrypoint"] == "counter:Counter"
    assert detail["counters"]["success_count"] == 0
    assert "hush" not in str(detail)


def test_the_detail_of_a_plugin_with_a_broken_manifest_is_shown_all_the_same(
    viewer: Caller, make_plugin: Callable[..., Plugin]
) -> None:
    make_plugin("counter", State.FAILED, manifest={}, tools=[])
    detail = viewer.get("plugins/counter/").json()
    assert (detail["config"], detail["tools"]) == ({}, [])


def test_an_unknown_plugin_is_a_problem(viewer: Caller) -> None:
    assert "nosuch" in assert_problem(viewer.get("plugins/nosuch/"), 404, "not_found")["detail"]


def test_health_has_nulls_before_the_first_run(viewer: Caller, counter: Plugin) -> None:
    health = viewer.get("plugins/counter/health/").json()
    assert set(health) == HEALTH
    assert (health["last_used"], health["success_count"], health["error_count"]) == (None, 0, 0)
    assert health["last_execution_time_ms"] is None
    assert health["avg_execution_time_ms"] is None


def test_health_tells_the_last_time_and_the_average_of_ten(
    viewer: Caller, make_plugin: Callable[..., Plugin]
) -> None:
    now = timezone.now()
    make_plugin(
        "counter",
        recent_milliseconds=[10, 20, 60],
        success_count=3,
        last_used_at=now,
        in_service_since=now - timedelta(seconds=90),
    )
    health = viewer.get("plugins/counter/health/").json()
    assert (health["last_execution_time_ms"], health["avg_execution_time_ms"]) == (60, 30)
    assert 90 <= health["uptime_seconds"] < 100


@pytest.mark.parametrize("state", list(State))
def test_health_is_200_in_every_state(
    viewer: Caller, make_plugin: Callable[..., Plugin], state: State
) -> None:
    make_plugin("counter", state, reason="Because.")
    response = viewer.get("plugins/counter/health/")
    assert response.status_code == 200
    assert response.json()["state"] == state.value


@pytest.mark.parametrize(
    ("state", "enabled", "status"),
    [
        (State.INITIALIZED, True, 200),
        (State.RUNNING, True, 200),
        (State.INITIALIZED, False, 503),
        (State.FAILED, True, 503),
        (State.UNAVAILABLE, True, 503),
    ],
)
def test_ready_answers_whether_a_run_would_be_accepted(
    viewer: Caller,
    make_plugin: Callable[..., Plugin],
    state: State,
    enabled: bool,
    status: int,
) -> None:
    make_plugin("counter", state, enabled=enabled)
    response = viewer.get("plugins/counter/ready/")
    assert response.status_code == status
    assert set(response.json()) == HEALTH


def test_a_change_is_audited_and_seen_at_once(manager: Caller, counter: Plugin) -> None:
    response = manager.patch("plugins/counter/", {"timeout_seconds": 7, "enabled": False})
    assert response.status_code == 200
    assert response.json()["limits"]["timeout_seconds"] == {"value": 7, "source": "operator"}
    assert registry.get("counter").enabled is False
    entry = AuditEntry.objects.first()
    assert (entry.actor, entry.action, entry.object) == (
        "manager",
        "plugin.configured",
        "plugin:counter",
    )
    back = manager.patch("plugins/counter/", {"timeout_seconds": None}).json()
    assert back["limits"]["timeout_seconds"] == {"value": 300, "source": "manifest"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"timeout_seconds": 0}, "/timeout_seconds"),
        ({"memory_mb": 10**18}, "/memory_mb"),
        ({"max_concurrent_runs": True}, "/max_concurrent_runs"),
        ({"enabled": "yes"}, "/enabled"),
        ({"state": "LOADED"}, "/state"),
        ({"config": {"speed": "fast"}}, "/config/speed"),
        ({"config": {"nosuch": 1}}, "/config/nosuch"),
    ],
)
def test_a_change_that_does_not_fit_names_its_place(
    manager: Caller, counter: Plugin, change: dict[str, Any], pointer: str
) -> None:
    body = assert_problem(manager.patch("plugins/counter/", change), 400, "invalid_input")
    assert [error["pointer"] for error in body["errors"]] == [pointer]


def test_a_restart_needs_a_reason(manager: Caller, make_plugin: Callable[..., Plugin]) -> None:
    make_plugin("counter", State.FAILED)
    body = assert_problem(manager.post("plugins/counter/restart/", {}), 400, "invalid_input")
    assert body["errors"][0]["pointer"] == "/reason"


def test_a_restart_of_a_plugin_in_service_is_refused(manager: Caller, counter: Plugin) -> None:
    response = manager.post("plugins/counter/restart/", {"reason": "why not"})
    assert_problem(response, 409, "illegal_transition")


def test_a_reload_of_a_failed_plugin_is_refused(
    manager: Caller, make_plugin: Callable[..., Plugin]
) -> None:
    make_plugin("counter", State.FAILED)
    response = manager.post("plugins/counter/reload/", {"reason": "new code"})
    assert_problem(response, 409, "illegal_transition")


def test_a_restart_is_accepted_and_stands_in_the_transitions(
    manager: Caller, make_plugin: Callable[..., Plugin]
) -> None:
    make_plugin("counter", State.FAILED)
    response = manager.post("plugins/counter/restart/", {"reason": "mended"})
    assert response.status_code == 202
    page = manager.get("plugins/counter/transitions/").json()
    restart = next(row for row in page["results"] if row["code"] == "restarted")
    assert set(restart) == {"from", "to", "code", "reason", "actor", "run", "at"}
    assert (restart["from"], restart["to"]) == ("FAILED", "LOADED")
    assert (restart["reason"], restart["actor"], restart["run"]) == ("mended", "manager", None)


@pytest.mark.django_db(transaction=True)
def test_transitions_come_newest_first_in_pages(
    viewer: Caller, make_plugin: Callable[..., Plugin], django_assert_max_num_queries: Any
) -> None:
    make_plugin("other")
    make_plugin("counter")
    viewer.get("plugins/")
    with django_assert_max_num_queries(4):
        page = viewer.get("plugins/counter/transitions/?limit=1").json()
    assert page["results"][0]["from"] is None
    assert (page["next"], page["previous"]) == (None, None)
