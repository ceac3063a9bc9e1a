"""Requests that are sent again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from plugins_app.models import AuditEntry, IdempotencyRecord, Plugin, Run, Upload
from tests.api.conftest import Caller
from tests.api.problems import assert_problem

RUN = "plugins/counter/tools/count/run/"


def test_the_same_request_is_carried_out_once_and_answered_alike(
    operator: Caller, counter: Plugin
) -> None:
    first = operator.post(RUN, {"upto": 2}, Idempotency_Key="k1")
    again = operator.post(RUN, {"upto": 2}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    assert first["Location"] == again["Location"]
    assert again["Idempotent-Replayed"] == "true"
    assert Run.objects.count() == 1
    assert AuditEntry.objects.filter(action="run.started").count() == 1


def test_the_answer_stays_the_same_when_the_run_has_gone_on(
    operator: Caller, counter: Plugin
) -> None:
    first = operator.post(RUN, Idempotency_Key="k1").json()
    operator.post(f"runs/{first['id']}/cancel/")
    assert operator.post(RUN, Idempotency_Key="k1").json() == first


def test_another_body_under_the_same_key_is_refused(operator: Caller, counter: Plugin) -> None:
    operator.post(RUN, {"upto": 2}, Idempotency_Key="k1")
    response = operator.post(RUN, {"upto": 3}, Idempotency_Key="k1")
    assert_problem(response, 422, "idempotency_key_reused")


def test_another_address_under_the_same_key_is_refused(operator: Caller, counter: Plugin) -> None:
    run = operator.post(RUN, Idempotency_Key="k1").json()
    response = operator.post(f"runs/{run['id']}/rerun/", Idempotency_Key="k1")
    assert_problem(response, 422, "idempotency_key_reused")


def test_a_key_is_its_users_own(
    operator: Caller, call: Callable[..., Caller], counter: Plugin
) -> None:
    operator.post(RUN, Idempotency_Key="k1")
    call("Manager").post(RUN, Idempotency_Key="k1")
    assert Run.objects.count() == 2


def test_a_rerun_is_carried_out_once(operator: Caller, counter: Plugin) -> None:
    run = operator.post(RUN).json()
    first = operator.post(f"runs/{run['id']}/rerun/", Idempotency_Key="k1").json()
    assert operator.post(f"runs/{run['id']}/rerun/", Idempotency_Key="k1").json() == first
    assert Run.objects.count() == 2


def test_a_key_is_forgotten_after_a_day(operator: Caller, counter: Plugin) -> None:
    first = operator.post(RUN, Idempotency_Key="k1").json()
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert operator.post(RUN, {"upto": 9}, Idempotency_Key="k1").json()["id"] != first["id"]


def test_a_refused_request_leaves_its_key_free(operator: Caller, counter: Plugin) -> None:
    assert_problem(operator.post(RUN, {"upto": "x"}, Idempotency_Key="k1"), 400, "invalid_input")
    assert operator.post(RUN, {"upto": 1}, Idempotency_Key="k1").status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü"])
def test_a_key_that_cannot_be_kept_is_refused(operator: Caller, counter: Plugin, key: str) -> None:
    assert_problem(operator.post(RUN, Idempotency_Key=key), 400, "invalid_input")


def test_a_request_whose_answer_was_never_given_is_answered_with_its_run(
    operator: Caller, counter: Plugin
) -> None:
    first = operator.post(RUN, Idempotency_Key="k1").json()
    IdempotencyRecord.objects.update(answer=None)
    assert operator.post(RUN, Idempotency_Key="k1").json() == first


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_carried_out_and_all_get_its_answer(
    operator: Caller, counter: Plugin
) -> None:
    def send(_number: int) -> dict[str, Any]:
        try:
            return operator.post(RUN, {"upto": 2}, Idempotency_Key="k1").json()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(send, range(8)))
    assert Run.objects.count() == 1
    assert all(answer == answers[0] for answer in answers)


def test_an_upload_is_stored_once(operator: Caller) -> None:
    first, again = _upload(operator, b"frames"), _upload(operator, b"frames")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Upload.objects.count() == 1
    assert_problem(_upload(operator, b"others"), 422, "idempotency_key_reused")


def _upload(caller: Caller, content: bytes) -> Any:
    return caller.client.post(
        "/api/v1/uploads/",
        {"file": SimpleUploadedFile("a.mp4", content)},
        headers=caller.headers | {"Idempotency-Key": "k1"},
    )
