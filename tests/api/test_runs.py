"""Runs over HTTP."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from plugins_app.actors import Actor
from plugins_app.api import weighing
from plugins_app.lifecycle import State
from plugins_app.models import AuditEntry, Plugin, Run
from tests.api.conftest import Caller
from tests.api.problems import assert_problem

RUN = "plugins/counter/tools/count/run/"
SHAPE = {
    "id",
    "plugin",
    "plugin_version",
    "tool",
    "status",
    "input",
    "files",
    "actor",
    "via",
    "limits",
    "guards",
    "worker",
    "queued_at",
    "started_at",
    "finished_at",
    "wall_seconds",
    "cpu_seconds",
    "peak_memory_bytes",
    "exit_code",
    "signal",
    "result",
    "error",
    "event_count",
    "log_tail",
}


def test_a_run_is_accepted_with_its_address(operator: Caller, counter: Plugin) -> None:
    response = operator.post(RUN, {"upto": 3})
    assert response.status_code == 202
    run = response.json()
    assert response["Location"] == f"/api/v1/runs/{run['id']}/"
    assert run.keys() >= SHAPE
    assert (run["status"], run["input"], run["via"]) == ("queued", {"upto": 3}, "api")
    assert (run["actor"], run["worker"], run["error"]) == ("operator", None, None)
    assert run["limits"]["timeout_seconds"] == {"value": 300, "source": "manifest"}
    assert operator.get(response["Location"]).json() == run


def test_a_run_id_is_a_uuid_of_version_7(operator: Caller, counter: Plugin) -> None:
    assert UUID(operator.post(RUN).json()["id"]).version == 7


def test_input_that_does_not_fit_names_each_place_and_queues_nothing(
    operator: Caller, counter: Plugin
) -> None:
    body = assert_problem(operator.post(RUN, {"upto": "x", "other": 1}), 400, "invalid_input")
    assert {error["pointer"] for error in body["errors"]} == {"/upto", "/other"}
    assert not Run.objects.exists()


@pytest.mark.parametrize("body", [[], "text", 7, None, True])
def test_input_that_is_no_object_is_refused(operator: Caller, counter: Plugin, body: Any) -> None:
    response = operator("POST", RUN, body=body) if body is not None else _raw(operator, b"null")
    assert_problem(response, 400, "invalid_input")


def test_an_unknown_tool_or_plugin_is_not_found(operator: Caller, counter: Plugin) -> None:
    tool = operator.post("plugins/counter/tools/nosuch/run/")
    assert "count" in assert_problem(tool, 404, "not_found")["detail"]
    assert_problem(operator.post("plugins/nosuch/tools/count/run/"), 404, "not_found")


@pytest.mark.parametrize(
    ("state", "enabled"),
    [(State.FAILED, True), (State.UNAVAILABLE, True), (State.INITIALIZED, False)],
)
def test_a_plugin_out_of_service_refuses_with_its_reason(
    operator: Caller, make_plugin: Callable[..., Plugin], state: State, enabled: bool
) -> None:
    make_plugin("counter", state, enabled=enabled, reason="No more ink.")
    body = assert_problem(operator.post(RUN), 409, "plugin_not_ready")
    assert "No more ink." in body["detail"] or "disabled" in body["detail"]


def test_waiting_ends_with_the_time_that_was_asked_for(operator: Caller, counter: Plugin) -> None:
    response = operator.post(RUN, Prefer="wait=1")
    assert response.status_code == 202
    assert response["Preference-Applied"] == "wait=1"


@pytest.mark.parametrize("value", ["wait", "wait=-1", "wait=x", "wait=0", "respond-async"])
def test_a_preference_that_makes_no_sense_is_ignored(
    operator: Caller, counter: Plugin, value: str
) -> None:
    response = operator.post(RUN, Prefer=value)
    assert response.status_code == 202
    assert "Preference-Applied" not in response


def test_a_queued_run_is_cancelled_at_once_and_only_once(operator: Caller, counter: Plugin) -> None:
    address = operator.post(RUN).json()["id"]
    response = operator.post(f"runs/{address}/cancel/", {"reason": "changed my mind"})
    assert response.status_code == 202
    assert response.json()["status"] == "cancelled"
    assert_problem(operator.post(f"runs/{address}/cancel/"), 409, "already_final")


def test_a_rerun_is_a_new_run_with_the_same_input(operator: Caller, counter: Plugin) -> None:
    first = operator.post(RUN, {"upto": 5}).json()
    response = operator("POST", f"runs/{first['id']}/rerun/")
    again = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"/api/v1/runs/{again['id']}/"
    assert again["id"] != first["id"]
    assert (again["input"], again["rerun_of"]) == ({"upto": 5}, first["id"])


def test_an_unknown_run_is_not_found(operator: Caller) -> None:
    missing = "01890000-0000-7000-8000-000000000000"
    assert_problem(operator.get(f"runs/{missing}/"), 404, "not_found")
    assert_problem(operator.post(f"runs/{missing}/cancel/"), 404, "not_found")
    assert_problem(operator.post(f"runs/{missing}/rerun/"), 404, "not_found")
    assert_problem(operator.get("runs/42/"), 404, "not_found")


def test_a_failed_run_shows_its_error_and_how_it_died(
    viewer: Caller, make_run: Callable[..., Run]
) -> None:
    run = make_run(
        status="crashed",
        signal="SIGSEGV",
        error_code="crashed",
        error_message="The child was killed by SIGSEGV.",
        worker_host="here",
        worker_pid=7,
    )
    shown = viewer.get(f"runs/{run.pk}/").json()
    assert shown["signal"] == "SIGSEGV"
    assert shown["worker"] == {"host": "here", "pid": 7}
    assert shown["error"] == {
        "code": "crashed",
        "message": "The child was killed by SIGSEGV.",
        "traceback": "",
    }


def test_the_history_comes_newest_first_in_pages_that_join(
    viewer: Caller, make_run: Callable[..., Run]
) -> None:
    made = [str(make_run().pk) for _number in range(5)][::-1]
    first = viewer.get("runs/?limit=2").json()
    assert [run["id"] for run in first["results"]] == made[:2]
    assert first["previous"] is None
    second = viewer.get(_path(first["next"])).json()
    assert [run["id"] for run in second["results"]] == made[2:4]
    last = viewer.get(_path(second["next"])).json()
    assert [run["id"] for run in last["results"]] == made[4:]
    assert last["next"] is None
    back = viewer.get(_path(last["previous"])).json()
    assert [run["id"] for run in back["results"]] == made[2:4]
    assert viewer.get(_path(back["previous"])).json()["results"] == first["results"]


def test_a_new_run_does_not_shift_the_pages(viewer: Caller, make_run: Callable[..., Run]) -> None:
    made = [str(make_run().pk) for _number in range(3)][::-1]
    first = viewer.get("runs/?limit=2").json()
    make_run()
    assert viewer.get(_path(first["next"])).json()["results"][0]["id"] == made[2]


def test_a_page_holds_fewer_runs_when_their_results_are_large(
    viewer: Caller, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighing, "MOST_CHARACTERS", 2500)
    made = [str(make_run(result="x" * 1000).pk) for _number in range(5)][::-1]
    sizes, found, path = [], [], "runs/"
    while path:
        page = viewer.get(path).json()
        sizes.append(len(page["results"]))
        found += [run["id"] for run in page["results"]]
        path = _path(page["next"]) if page["next"] else ""
    assert (sizes, found) == ([2, 2, 1], made)


@pytest.mark.django_db(transaction=True)
def test_a_page_of_runs_costs_the_same_however_many_there_are(
    viewer: Caller, make_run: Callable[..., Run], django_assert_max_num_queries: Any
) -> None:
    for _number in range(30):
        make_run()
    with django_assert_max_num_queries(5):
        assert len(viewer.get("runs/").json()["results"]) == 30


def test_the_history_is_filtered(
    viewer: Caller, make_run: Callable[..., Run], make_plugin: Callable[..., Plugin]
) -> None:
    other = make_plugin("other")
    now = timezone.now()
    old = make_run(status="succeeded", actor="bob", queued_at=now - timedelta(days=2))
    new = make_run(status="failed", tool="fail", error_message="out of cheese")
    foreign = make_run(plugin=other)

    def found(query: str) -> set[str]:
        return {run["id"] for run in viewer.get(f"runs/?{query}").json()["results"]}

    day = (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found("plugin=other") == {str(foreign.pk)}
    assert found("tool=fail") == {str(new.pk)}
    assert found("status=failed") == {str(new.pk)}
    assert found("status=failed&status=succeeded") == {str(new.pk), str(old.pk)}
    assert found("actor=bob") == {str(old.pk)}
    assert found(f"since={day}") == {str(new.pk), str(foreign.pk)}
    assert found(f"until={day}") == {str(old.pk)}
    assert found("search=cheese") == {str(new.pk)}
    assert found(f"search={old.pk}") == {str(old.pk)}
    assert found("plugin=nosuch") == set()


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("status=done", "/status"),
        ("since=yesterday", "/since"),
        ("until=0001-01-01T00:00:00%2B14:00", "/until"),
        ("cursor=x", "/cursor"),
        ("cursor=WyJvbGRlciIsICJ4Il0=", "/cursor"),
        ("limit=0", "/limit"),
        ("limit=x", "/limit"),
        ("search=%00", "/search"),
    ],
)
def test_a_filter_that_makes_no_sense_names_its_place(
    viewer: Caller, query: str, pointer: str
) -> None:
    body = assert_problem(viewer.get(f"runs/?{query}"), 400, "invalid_input")
    assert [error["pointer"] for error in body["errors"]] == [pointer]


def test_starting_a_run_is_audited(operator: Caller, counter: Plugin) -> None:
    run = operator.post(RUN).json()
    entry = AuditEntry.objects.get(action="run.started")
    assert (entry.actor, entry.object) == ("operator", f"run:{run['id']}")


def test_a_run_outlives_the_name_of_who_asked(
    operator: Caller, viewer: Caller, counter: Plugin
) -> None:
    run = operator.post(RUN).json()
    Run.objects.get(pk=run["id"]).user.delete()
    assert viewer.get(f"runs/{run['id']}/").json()["actor"] == Actor(name="operator").name


def _raw(caller: Caller, content: bytes) -> Any:
    return caller.client.generic(
        "POST",
        f"/api/v1/{RUN}",
        data=content,
        content_type="application/json",
        headers=caller.headers,
    )


def _path(address: str) -> str:
    assert address.startswith("http://testserver/")
    return address.removeprefix("http://testserver")


def test_json_is_what_comes_back_whatever_is_accepted(viewer: Caller) -> None:
    assert json.loads(viewer.get("runs/", Accept="text/html").content)["results"] == []
