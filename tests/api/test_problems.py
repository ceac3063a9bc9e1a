"""When the platform itself is busy, and when a caller asks too often."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
from django.db import OperationalError, connection

from plugins_app import errors, registry
from plugins_app.api import problems, throttles
from plugins_app.api.throttles import Rate
from plugins_app.models import Plugin
from tests.api.conftest import Caller
from tests.api.problems import assert_problem


def _all_errors(root: type[errors.BulkheadError]) -> set[type[errors.BulkheadError]]:
    below = {error for kind in root.__subclasses__() for error in _all_errors(kind)}
    return {root, *below}


def test_every_error_has_its_status() -> None:
    codes = {kind.code for kind in _all_errors(errors.BulkheadError)} - {"error"}
    assert codes - set(problems.STATUS_OF_CODE) == set()


@pytest.mark.django_db(transaction=True)
def test_a_registry_that_is_held_is_told_to_come_back(
    viewer: Caller, counter: Plugin, settings: Any
) -> None:
    settings.REGISTRY_LOCK_SECONDS = 0.1
    held, release = Event(), Event()

    def hold() -> None:
        with registry._store._lock.writing(timeout_seconds=1):
            held.set()
            release.wait(10)

    holder = Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        response = viewer.get("plugins/")
    finally:
        release.set()
        holder.join()
    assert_problem(response, 503, "registry_busy")
    assert int(response["Retry-After"]) >= 1
    assert viewer.get("plugins/").status_code == 200


def test_a_database_that_does_not_answer_is_no_500(viewer: Caller) -> None:
    def broken(*_args: Any) -> None:
        raise OperationalError("could not connect to server")

    with connection.execute_wrapper(broken):
        response = viewer.get("runs/")
    body = assert_problem(response, 503, "database_unavailable")
    assert response["Retry-After"] == "1"
    assert "could not connect" not in body["detail"]


def test_whoever_asks_too_often_is_told_when_to_come_back(
    viewer: Caller, call: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(throttles.RATES, "general", Rate(most=3, seconds=60))
    answers = [viewer.get("plugins/") for _number in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert_problem(answers[3], 429, "throttled")
    assert 1 <= int(answers[3]["Retry-After"]) <= 20
    assert call("Auditor").get("plugins/").status_code == 200


def test_answers_are_for_no_cache_to_keep(viewer: Caller, call: Callable[..., Caller]) -> None:
    assert viewer.get("runs/")["Cache-Control"] == "no-store"
    assert viewer.get("nosuch/")["Content-Type"] == "application/problem+json"
    assert "no-cache" in viewer.get("plugins/")["Cache-Control"]
    assert call(None).post("auth/login/", {})["Cache-Control"] == "no-store"
