"""Logging in, out, and who is let in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from knox.models import get_token_model

from plugins_app.models import AuditEntry, Ticket
from tests.api.conftest import Caller
from tests.api.problems import assert_problem


@pytest.fixture
def ann(make_user: Callable[..., Any]) -> Any:
    return make_user("ann", "Viewer")


@pytest.fixture
def stranger(call: Callable[..., Caller]) -> Caller:
    return call(None)


def _login(caller: Caller, password: str = "ann-password") -> Any:
    return caller.post("auth/login/", {"username": "ann", "password": password})


def test_a_login_gives_a_token_that_opens_the_api(ann: Any, stranger: Caller) -> None:
    response = _login(stranger)
    assert response.status_code == 200
    assert set(response.json()) == {"token", "expiry"}
    assert parse_datetime(response.json()["expiry"]) > timezone.now()
    assert Caller(response.json()["token"]).get("plugins/").status_code == 200


def test_a_token_is_stored_hashed(ann: Any, stranger: Caller) -> None:
    token = _login(stranger).json()["token"]
    stored = get_token_model().objects.get()
    assert token not in (stored.digest, stored.token_key)
    assert not stored.digest.startswith(token[:20])


def test_a_wrong_password_or_name_is_refused_alike_and_audited(ann: Any, stranger: Caller) -> None:
    wrong = assert_problem(_login(stranger, "guess"), 401, "login_refused")
    unknown = stranger.post("auth/login/", {"username": "nobody", "password": "guess"})
    assert assert_problem(unknown, 401, "login_refused")["detail"] == wrong["detail"]
    entries = AuditEntry.objects.filter(action="login.refused").order_by("seq")
    assert [entry.object for entry in entries] == ["user:ann", "user:nobody"]


def test_a_login_is_audited_without_its_password(ann: Any, stranger: Caller) -> None:
    _login(stranger)
    entry = AuditEntry.objects.get(action="login")
    assert (entry.actor, entry.object) == ("ann", "user:ann")
    assert "ann-password" not in str(entry.__dict__)


def test_an_account_that_was_closed_gets_no_token_and_its_tokens_end(
    ann: Any, stranger: Caller
) -> None:
    token = _login(stranger).json()["token"]
    ann.is_active = False
    ann.save(update_fields=["is_active"])
    assert_problem(_login(stranger), 401, "login_refused")
    assert_problem(Caller(token).get("plugins/"), 401, "authentication_failed")


@pytest.mark.parametrize("body", [{}, {"username": "ann"}, {"username": 7, "password": []}, [], 7])
def test_a_login_that_does_not_fit_names_its_places(stranger: Caller, db: None, body: Any) -> None:
    assert_problem(stranger.post("auth/login/", body), 400, "invalid_input")


def test_a_token_ends_with_its_time(ann: Any, stranger: Caller) -> None:
    token = _login(stranger).json()["token"]
    get_token_model().objects.update(expiry=timezone.now() - timedelta(seconds=1))
    response = Caller(token).get("plugins/")
    assert_problem(response, 401, "authentication_failed")
    assert response["WWW-Authenticate"] == "Token"


def test_a_logout_ends_this_token_and_no_other(ann: Any, stranger: Caller) -> None:
    one, other = (Caller(_login(stranger).json()["token"]) for _number in range(2))
    response = one.post("auth/logout/")
    assert (response.status_code, response.content) == (204, b"")
    assert one.get("plugins/").status_code == 401
    assert other.get("plugins/").status_code == 200
    assert AuditEntry.objects.filter(action="logout").count() == 1


def test_guessing_is_slowed_down_and_told_when_to_come_back(ann: Any, stranger: Caller) -> None:
    answers = [_login(stranger, "guess") for _number in range(15)]
    assert answers[0].status_code == 401
    assert_problem(answers[-1], 429, "throttled")
    assert int(answers[-1]["Retry-After"]) >= 1
    # The right password does not help whoever has guessed that often.
    assert_problem(_login(stranger), 429, "throttled")


def test_logins_that_succeed_are_not_guesses(ann: Any, stranger: Caller) -> None:
    assert {_login(stranger).status_code for _number in range(15)} == {200}


def test_throttles_can_be_turned_off(ann: Any, stranger: Caller, settings: Any) -> None:
    settings.THROTTLE = False
    assert {_login(stranger, "guess").status_code for _number in range(20)} == {401}


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token x",
        "Token a b",
        "Token \udcff\udcfe",
        "Token " + "x" * 5000,
        "Token \x00",
        "Bearer x",
        "Basic !!!",
        "",
        "Token ü",
    ],
)
def test_a_header_that_makes_no_sense_lets_nobody_in(db: None, header: str) -> None:
    value = header.encode("utf-8", "surrogateescape").decode("latin1")
    response = Client(HTTP_AUTHORIZATION=value).get("/api/v1/plugins/")
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


def test_a_session_of_the_console_reads_and_needs_csrf_to_write(
    make_user: Callable[..., Any],
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("bob", "Manager"))
    assert client.get("/api/v1/plugins/").status_code == 200
    response = client.patch("/api/v1/plugins/x/", "{}", content_type="application/json")
    assert_problem(response, 403, "permission_denied")


def test_a_session_logs_out_too(make_user: Callable[..., Any]) -> None:
    client = Client()
    client.force_login(make_user("bob", "Viewer"))
    assert client.post("/api/v1/auth/logout/").status_code == 204
    assert client.get("/api/v1/plugins/").status_code == 401


def test_a_ticket_is_given_to_whoever_is_logged_in(viewer: Caller) -> None:
    response = viewer.post("auth/ticket/")
    assert set(response.json()) == {"ticket"}
    assert Ticket.objects.count() == 1
