"""The audit, the workers, health, metrics and the API's own description."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from plugins_app import triggers
from plugins_app.actors import Actor
from plugins_app.models import AuditEntry, Plugin, Run, Worker
from plugins_app.services import audit
from tests.api.conftest import Caller
from tests.api.problems import assert_problem

ENTRY = {
    "seq",
    "at",
    "actor",
    "action",
    "object",
    "before",
    "after",
    "reason",
    "previous_hash",
    "hash",
}


def _record(count: int, **fields: Any) -> None:
    given = {"actor": Actor(name="ann"), "action": "act", "object": "thing:1"} | fields
    with transaction.atomic():
        for _number in range(count):
            audit.record(**given)


def _worker(**fields: Any) -> Worker:
    given = {"host": "here", "pid": 1, "process_started": 0.0, "queues": ["default"]}
    return Worker.objects.create(**given | fields)


def test_the_audit_comes_newest_first_with_its_hashes(auditor: Caller) -> None:
    _record(3, before={"a": 1}, after={"a": 2}, reason="why")
    page = auditor.get("audit/").json()
    assert [entry["seq"] for entry in page["results"]] == [3, 2, 1]
    newest, before = page["results"][:2]
    assert set(newest) == ENTRY
    assert newest["previous_hash"] == before["hash"]
    assert (newest["before"], newest["after"], newest["reason"]) == ({"a": 1}, {"a": 2}, "why")


def test_the_audit_is_filtered_and_paged(auditor: Caller) -> None:
    _record(3)
    _record(2, actor=Actor(name="bob"), action="other", object="thing:2")

    def found(query: str) -> list[int]:
        return [entry["seq"] for entry in auditor.get(f"audit/?{query}").json()["results"]]

    tomorrow = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found("actor=bob") == [5, 4]
    assert found("action=act") == [3, 2, 1]
    assert found("object=thing:2") == [5, 4]
    assert found(f"since={tomorrow}") == []
    assert found(f"until={tomorrow}&limit=2") == [5, 4]
    following = auditor.get("audit/?limit=2").json()["next"].removeprefix("http://testserver")
    assert [entry["seq"] for entry in auditor.get(following).json()["results"]] == [3, 2]


@pytest.mark.parametrize("query", ["since=x", "cursor=WyJvbGRlciIsIDFlMzA4XQ==", "limit=-1"])
def test_an_audit_query_that_makes_no_sense_is_refused(auditor: Caller, query: str) -> None:
    assert_problem(auditor.get(f"audit/?{query}"), 400, "invalid_input")


def test_a_page_of_the_audit_costs_the_same_however_long_it_is(
    auditor: Caller, django_assert_max_num_queries: Any
) -> None:
    _record(30)
    with django_assert_max_num_queries(4):
        assert len(auditor.get("audit/").json()["results"]) == 30


def test_a_sound_chain_is_verified(auditor: Caller) -> None:
    _record(3)
    head = AuditEntry.objects.get(seq=3).hash
    assert auditor.get("audit/verify/").json() == {
        "ok": True,
        "entries": 3,
        "head": head,
        "first_broken": None,
    }


def test_a_broken_chain_names_its_first_broken_entry(auditor: Caller) -> None:
    _record(3)
    with triggers.lifted(connection):
        AuditEntry.objects.filter(seq=2).update(reason="forged")
    found = auditor.get("audit/verify/").json()
    assert (found["ok"], found["first_broken"]) == (False, 2)


def test_workers_are_a_flat_array_of_those_that_have_not_left(
    viewer: Caller, make_run: Callable[..., Run]
) -> None:
    here = _worker(guards=[{"name": "memory"}], gpu={"available": False})
    _worker(host="gone", stopped_at=timezone.now())
    run = make_run(status="running", worker=here)
    make_run(status="succeeded", worker=here)
    (shown,) = viewer.get("workers/").json()
    assert (shown["host"], shown["pid"], shown["queues"]) == ("here", 1, ["default"])
    assert (shown["guards"], shown["gpu"]) == ([{"name": "memory"}], {"available": False})
    assert shown["active_runs"] == [str(run.pk)]
    assert 0 <= shown["heartbeat_age_seconds"] < 5


def test_workers_cost_the_same_however_many_there_are(
    viewer: Caller, make_run: Callable[..., Run], django_assert_max_num_queries: Any
) -> None:
    for pid in range(10):
        make_run(status="running", worker=_worker(pid=pid))
    with django_assert_max_num_queries(5):
        assert len(viewer.get("workers/").json()) == 10


def test_a_sign_of_life_needs_nothing(call: Callable[..., Caller]) -> None:
    response = call(None).get("health/live/")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readiness_names_each_check(call: Callable[..., Caller], db: None) -> None:
    response = call(None).get("health/ready/")
    checks = response.json()["checks"]
    assert response.status_code == 503
    assert set(checks) == {"database", "broker", "channel_layer", "worker"}
    assert {name: check["ok"] for name, check in checks.items()} == {
        "database": True,
        "broker": True,
        "channel_layer": True,
        "worker": False,
    }
    assert all(set(check) == {"ok", "message"} for check in checks.values())
    _worker()
    assert call(None).get("health/ready/").status_code == 200


def test_a_redis_that_does_not_answer_is_not_ready_and_gives_no_details_away(
    call: Callable[..., Caller], db: None, settings: Any
) -> None:
    settings.REDIS_URL = "redis://:hush@127.0.0.1:1/0"
    response = call(None).get("health/ready/")
    assert response.json()["checks"]["channel_layer"]["ok"] is False
    assert b"127.0.0.1" not in response.content


def test_metrics_tell_plugins_runs_queue_and_workers(
    viewer: Caller, make_run: Callable[..., Run]
) -> None:
    make_run(status="succeeded")
    make_run()
    _worker()
    text = viewer.get("/metrics").content.decode()
    assert 'bulkhead_plugins{state="INITIALIZED"} 1.0' in text
    assert 'bulkhead_plugins{state="FAILED"} 0.0' in text
    assert 'bulkhead_plugin_accepts_runs{plugin="counter"} 1.0' in text
    assert 'bulkhead_runs{plugin="counter",status="succeeded"} 1.0' in text
    assert 'bulkhead_queue_depth{queue="default"} 1.0' in text
    assert 'bulkhead_queue_oldest_seconds{queue="default"}' in text
    assert "bulkhead_workers 1.0" in text


def test_metrics_are_for_this_machine_or_a_token(db: None) -> None:
    assert Caller(address="127.0.0.1").get("/metrics").status_code == 200
    assert Caller(address="::1").get("/metrics").status_code == 200
    assert_problem(Caller(address="10.0.0.9").get("/metrics"), 401, "not_authenticated")
    behind_proxy = Caller(address="127.0.0.1").get("/metrics", X_Forwarded_For="10.0.0.9")
    assert_problem(behind_proxy, 401, "not_authenticated")


@pytest.mark.django_db(transaction=True)
def test_metrics_cost_the_same_however_much_there_is(
    viewer: Caller, make_run: Callable[..., Run], django_assert_max_num_queries: Any
) -> None:
    for _number in range(10):
        make_run()
    viewer.get("/metrics")
    with django_assert_max_num_queries(6):
        viewer.get("/metrics")


def test_the_schema_is_complete(tmp_path: Any) -> None:
    # Every warning of the generator is a place where the schema would be a guess.
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema"))


def test_the_schema_is_openapi_3_in_json(viewer: Caller) -> None:
    schema = viewer.get("schema/").json()
    assert schema["openapi"].startswith("3.")
    assert "/api/v1/plugins/{name}/tools/{tool}/run/" in schema["paths"]
    run = schema["paths"]["/api/v1/runs/{id}/"]["get"]["responses"]
    assert "application/problem+json" in run["404"]["content"]


def test_the_docs_come_from_our_own_files_alone(viewer: Caller, counter: Plugin) -> None:
    page = viewer.get("docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page
    assert "http://" not in page
    assert "https://" not in page
    script = viewer.get("docs/?script=")
    assert script["Content-Type"] == "application/javascript"
    assert b"schema/" in script.content
