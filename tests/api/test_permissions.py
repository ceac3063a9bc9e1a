"""Every address, for everyone: who gets in, and who is told 401 or 403."""

from collections.abc import Callable
from typing import Any

import pytest

from plugins_app.models import Plugin, Run
from tests.api.conftest import Caller

ROLES = (None, "", "Viewer", "Operator", "Manager", "Auditor", "superuser")
EVERYONE = frozenset(ROLES)
KNOWN = EVERYONE - {None}
READ = frozenset({"Viewer", "Operator", "Manager", "Auditor", "superuser"})
OPERATE = frozenset({"Operator", "Manager", "superuser"})
MANAGE = frozenset({"Manager", "superuser"})
AUDIT = frozenset({"Auditor", "superuser"})

ADDRESSES = [
    ("GET", "plugins/", READ),
    ("GET", "plugins/counter/", READ),
    ("PATCH", "plugins/counter/", MANAGE),
    ("POST", "plugins/counter/restart/", MANAGE),
    ("POST", "plugins/counter/reload/", MANAGE),
    ("GET", "plugins/counter/health/", READ),
    ("GET", "plugins/counter/ready/", READ),
    ("GET", "plugins/counter/transitions/", READ),
    ("POST", "plugins/counter/tools/count/run/", OPERATE),
    ("GET", "runs/", READ),
    ("GET", "runs/{run}/", READ),
    ("POST", "runs/{run}/cancel/", OPERATE),
    ("POST", "runs/{run}/rerun/", OPERATE),
    ("GET", "runs/{run}/events/", READ),
    ("GET", "runs/{run}/artifacts/", READ),
    ("GET", "runs/{run}/artifacts/x", READ),
    ("POST", "uploads/", OPERATE),
    ("GET", "audit/", AUDIT),
    ("GET", "audit/verify/", AUDIT),
    ("GET", "workers/", READ),
    ("POST", "auth/login/", EVERYONE),
    ("POST", "auth/logout/", KNOWN),
    ("POST", "auth/ticket/", KNOWN),
    ("GET", "health/live/", EVERYONE),
    ("GET", "health/ready/", EVERYONE),
    ("GET", "schema/", KNOWN),
    ("GET", "docs/", KNOWN),
    ("GET", "/metrics", READ),
]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path", "allowed"), ADDRESSES)
def test_each_role_gets_where_it_may_and_nowhere_else(
    call: Callable[..., Caller],
    make_run: Callable[..., Run],
    method: str,
    path: str,
    allowed: frozenset[str | None],
    role: str | None,
) -> None:
    caller = call() if role == "" else call(role)
    path = path.format(run=make_run().pk)
    response = caller(method, path, body=None if method == "GET" else {})
    if role in allowed:
        assert response.status_code not in (403, 500)
        assert response.status_code != 401 or path == "auth/login/"
    else:
        assert response.status_code == (401 if role is None else 403)
        assert response["Content-Type"] == "application/problem+json"


def test_the_table_above_names_every_address() -> None:
    from plugins_app.api.urls import urlpatterns

    named = {pattern.name for pattern in urlpatterns if getattr(pattern, "name", None)}
    assert len(named) + 2 == len(ADDRESSES), "one address has two methods, and /metrics is outside"


def test_a_refusal_names_the_role_that_may(viewer: Caller, counter: Plugin) -> None:
    detail = viewer.post("plugins/counter/restart/", {"reason": "x"}).json()["detail"]
    assert "Manager" in detail


@pytest.mark.parametrize(("method", "path", "_allowed"), ADDRESSES)
def test_a_method_that_is_not_there_is_a_problem_too(
    call: Callable[..., Caller],
    make_run: Callable[..., Run],
    method: str,
    path: str,
    _allowed: Any,
) -> None:
    path = path.format(run=make_run().pk)
    for other in ("DELETE", "PUT", "OPTIONS", "TRACE", "FROB"):
        response = call("superuser")(other, path)
        assert response.status_code == 405, (other, response.content)
        assert response.json()["code"] == "method_not_allowed"
