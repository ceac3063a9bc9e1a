"""Who gets in, and with which code the others are closed."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone
from knox.models import AuthToken

from plugins_app.models import Ticket
from plugins_app.services import tickets
from tests.live.conftest import Client, Scribe

Visit = Callable[..., Client]


def cookie_of(user: Any) -> str:
    browser = Browser()
    browser.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


def test_nobody_in_particular_is_closed_with_4401(visit: Visit, scribe: Scribe) -> None:
    assert visit(f"/ws/runs/{scribe.run.pk}/").close_code() == 4401
    assert visit("/ws/plugins/").close_code() == 4401


@pytest.mark.parametrize(
    "authorization",
    ["Token wrong", "Token", "Token a b", "Basic dmVyYTp2ZXJh", "Bearer x", "Token \xff\xfe"],
)
def test_a_header_that_names_nobody_is_closed_with_4401(
    visit: Visit, transactional_db: None, authorization: str
) -> None:
    assert visit("/ws/plugins/", Authorization=authorization).close_code() == 4401


def test_an_expired_token_is_closed_with_4401(visit: Visit, user: Any) -> None:
    _record, token = AuthToken.objects.create(user, expiry=timedelta(seconds=-1))
    assert visit("/ws/plugins/", Authorization=f"Token {token}").close_code() == 4401


def test_an_inactive_user_is_closed_with_4401(visit: Visit, user: Any, token: str) -> None:
    cookie, ticket = cookie_of(user), tickets.issue_ticket(user=user)
    user.is_active = False
    user.save()
    assert visit("/ws/plugins/", Authorization=f"Token {token}").close_code() == 4401
    assert visit("/ws/plugins/", Cookie=cookie).close_code() == 4401
    assert visit(f"/ws/plugins/?ticket={ticket}").close_code() == 4401


def test_a_user_without_a_role_is_closed_with_4403(
    visit: Visit, make_user: Callable[..., Any], scribe: Scribe
) -> None:
    _record, token = AuthToken.objects.create(make_user("nobody"))
    for path in ("/ws/plugins/", f"/ws/runs/{scribe.run.pk}/"):
        assert visit(path, Authorization=f"Token {token}").close_code() == 4403


@pytest.mark.parametrize(
    "path",
    [
        "/ws/runs/00000000-0000-4000-8000-000000000000/",
        "/ws/runs/7/",
        "/ws/",
        "/ws/tides/",
        "/",
    ],
)
def test_what_does_not_exist_is_closed_with_4404(visit: Visit, token: str, path: str) -> None:
    assert visit(path, Authorization=f"Token {token}").close_code() == 4404


@pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "9" * 30, "٣"])
def test_an_after_that_is_no_number_is_closed_with_4400(
    visit: Visit, token: str, scribe: Scribe, after: str
) -> None:
    path = f"/ws/runs/{scribe.run.pk}/?after={after}"
    assert visit(path, Authorization=f"Token {token}").close_code() == 4400


def test_a_session_counts_on_its_own_origin_only(visit: Visit, user: Any, address: str) -> None:
    cookie = cookie_of(user)
    own = visit("/ws/plugins/", Cookie=cookie, Origin=f"http://{address}")
    assert own.next()["type"] == "hello"
    for origin in ("http://evil.example", "http://127.0.0.1:1", "null"):
        assert visit("/ws/plugins/", Cookie=cookie, Origin=origin).close_code() == 4401


def test_a_made_up_session_is_nobodys(visit: Visit, transactional_db: None) -> None:
    for cookie in ("sessionid=" + "x" * 32, "sessionid=", "=;;", "a=b"):
        assert visit("/ws/plugins/", Cookie=cookie).close_code() == 4401


def test_a_token_counts_from_any_origin(visit: Visit, token: str) -> None:
    header = {"Authorization": f"Token {token}", "Origin": "http://elsewhere.example"}
    assert visit("/ws/plugins/", **header).next()["type"] == "hello"


def test_a_ticket_opens_one_feed_from_any_origin(visit: Visit, user: Any) -> None:
    path = f"/ws/plugins/?ticket={tickets.issue_ticket(user=user)}"
    assert visit(path, Origin="http://elsewhere.example").next()["type"] == "hello"
    assert visit(path, Origin="http://elsewhere.example").close_code() == 4401


def test_a_ticket_is_stored_as_a_digest_and_dies_of_age(user: Any) -> None:
    ticket = tickets.issue_ticket(user=user)
    row = Ticket.objects.get()
    assert ticket not in row.digest
    assert timezone.now() < row.expires_at <= timezone.now() + timedelta(seconds=30)
    Ticket.objects.update(expires_at=timezone.now())
    assert tickets.redeem_ticket(ticket=ticket) is None
    tickets.issue_ticket(user=user)
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("ticket", ["", "x", "\x00", "\ud800", "é" * 5000])
def test_what_is_no_ticket_lets_nobody_in(transactional_db: None, ticket: str) -> None:
    assert tickets.redeem_ticket(ticket=ticket) is None


def test_of_many_who_redeem_one_ticket_at_once_one_gets_in(user: Any) -> None:
    ticket = tickets.issue_ticket(user=user)
    found: list[Any] = []
    start = threading.Barrier(8)

    def redeem() -> None:
        start.wait()
        found.append(tickets.redeem_ticket(ticket=ticket))
        connection.close()

    threads = [threading.Thread(target=redeem) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one for one in found if one] == [user]


def test_a_feed_does_not_long_outlive_its_credentials(visit: Visit, user: Any, token: str) -> None:
    by_token = visit("/ws/plugins/", Authorization=f"Token {token}")
    cookie = cookie_of(user)
    by_session = visit("/ws/plugins/", Cookie=cookie)
    by_ticket = visit(f"/ws/plugins/?ticket={tickets.issue_ticket(user=user)}")
    AuthToken.objects.all().delete()
    SessionStore(cookie.partition("=")[2]).delete()
    assert by_token.close_code() == 4401
    assert by_session.close_code() == 4401
    user.groups.clear()
    assert by_ticket.close_code() == 4403
