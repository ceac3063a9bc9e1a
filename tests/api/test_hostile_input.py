"""Whatever a client sends, the answer is never a 500."""

import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from plugins_app.models import Plugin, Run
from tests.api.conftest import Caller
from tests.api.problems import assert_problem

PATHS = [
    "plugins/{x}/",
    "plugins/{x}/health/",
    "plugins/{x}/transitions/",
    "plugins/counter/tools/{x}/run/",
    "runs/{x}/",
    "runs/{x}/events/",
    "runs/{run}/artifacts/{x}",
    "{x}",
    "{x}/",
]
WORDS = [
    "%00",
    "%ff%fe",
    "..",
    "%2e%2e%2f%2e%2e",
    "'; DROP TABLE x; --",
    "\u202e\U0001f4a9",
    "%ED%A0%80",
    "9" * 400,
    "-1",
    "00000000-0000-0000-0000-00000000000g",
    "{}",
    "x" * 3000,
]
PARAMETERS = [
    "plugin", "tool", "status", "actor", "since", "until", "search", "cursor", "limit", "after",
    "action", "object", "format", "page", "script",
]  # fmt: skip
VALUES = [
    *WORDS,
    "",
    "1e400",
    "NaN",
    "٣",
    "²",
    "9223372036854775808",
    "0001-01-01T00:00:00%2B23:59",
    "9999-12-31T23:59:59-23:59",
    "99999-01-01",
    "eyJ4IjoxfQ==",
    "bnVsbA==",
    "WzEsMl0=",
    "WyJvbGRlciIsIC0xXQ==",
    "WyJvbGRlciIsIDk5OTk5OTk5OTk5OTk5OTk5OTk5OV0=",
    "W1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tb",
]
BODIES: list[bytes] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b'{"upto": 1e400}',
    b'{"upto": NaN}',
    b'{"upto": -Infinity}',
    b'{"upto": ' + b"9" * 5000 + b"}",
    b'{"upto": ' + b"9" * 100 + b"}",
    b'{"\\u0000": 1}',
    b'{"video": "\\ud800"}',
    b'{"video": {"upload": "\\u0000"}}',
    b'{"reason": "\\u0000"}',
    b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"video": {"upload": {"upload": []}}}',
    b'{"config": {"key": {"a": [[[[]]]]}}, "enabled": null}',
    b'{"username": "a\\u0000", "password": "x"}',
    b'{"__proto__": 1, "upto": true}',
]
CONTENT_TYPES = [
    "application/json",
    "application/json; charset=utf-16",
    "application/json; charset=nosuch",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
    ";;;",
]
TARGETS = [
    ("POST", "plugins/counter/tools/count/run/"),
    ("PATCH", "plugins/counter/"),
    ("POST", "plugins/counter/restart/"),
    ("POST", "runs/{run}/cancel/"),
    ("POST", "runs/{run}/rerun/"),
    ("POST", "auth/login/"),
    ("POST", "uploads/"),
]


@pytest.fixture
def root(call: Callable[..., Caller], settings: Any) -> Caller:
    settings.THROTTLE = False
    caller = call("superuser")
    caller.client.raise_request_exception = False
    return caller


def _assert_sound(response: Any, what: Any) -> None:
    assert response.status_code < 500 or response.status_code == 503, (what, response.content)
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json", what


def test_addresses_that_make_no_sense(root: Caller, make_run: Callable[..., Run]) -> None:
    run = make_run()
    for pattern in PATHS:
        for word in WORDS:
            for method in ("GET", "POST"):
                path = pattern.format(x=quote(word, safe="%/"), run=run.pk)
                _assert_sound(root(method, path), (method, path))


def test_parameters_that_make_no_sense(root: Caller, make_run: Callable[..., Run]) -> None:
    run = make_run()
    paths = [
        "runs/",
        "audit/",
        "plugins/counter/transitions/",
        f"runs/{run.pk}/events/",
        "plugins/",
    ]
    for path in paths:
        for parameter in PARAMETERS:
            for value in VALUES:
                query = f"{path}?{parameter}={quote(value, safe='%')}"
                _assert_sound(root.get(query), query)


@pytest.mark.parametrize(("method", "path"), TARGETS)
def test_bodies_that_make_no_sense(
    root: Caller, make_run: Callable[..., Run], method: str, path: str
) -> None:
    path = path.format(run=make_run().pk)
    for body in BODIES:
        for content_type in CONTENT_TYPES:
            response = root.client.generic(
                method, f"/api/v1/{path}", body, content_type=content_type, headers=root.headers
            )
            _assert_sound(response, (body[:60], content_type))


def test_bodies_cut_and_bent_at_random(root: Caller, counter: Plugin) -> None:
    chance = random.Random(5)
    whole = json.dumps({"upto": 3, "video": {"upload": "x"}}).encode()
    for _number in range(200):
        bent = bytearray(whole)
        for _change in range(chance.randint(1, 4)):
            bent[chance.randrange(len(bent))] = chance.randrange(256)
        body = bytes(bent[: chance.randint(1, len(bent))])
        path = "/api/v1/plugins/counter/tools/count/run/"
        response = root.client.post(
            path, body, content_type="application/json", headers=root.headers
        )
        _assert_sound(response, body)


@pytest.mark.parametrize(
    "headers",
    [
        {"Prefer": "wait=" + "9" * 400},
        {"Prefer": "\x00"},
        {"Idempotency-Key": "\x00"},
        {"Idempotency-Key": "ÿ" * 10},
        {"If-None-Match": '"' * 1000},
        {"Accept": "x/y;q=z, */*"},
        {"Content-Length": "x"},
        {"X-CSRFToken": "\x00"},
        {"Cookie": "sessionid=\x00; csrftoken=" + "x" * 5000},
        {"X-HTTP-Method-Override": "DELETE"},
    ],
)
def test_headers_that_make_no_sense(root: Caller, counter: Plugin, headers: dict[str, str]) -> None:
    for method, path in (("POST", "plugins/counter/tools/count/run/"), ("GET", "plugins/")):
        response = root.client.generic(
            method,
            f"/api/v1/{path}",
            b"{}" if method == "POST" else b"",
            content_type="application/json",
            headers=root.headers | headers,
        )
        _assert_sound(response, headers)


def test_a_host_that_is_not_ours_is_a_problem(db: None) -> None:
    response = Client(headers={"host": "evil.example"}).get("/api/v1/plugins/")
    assert response.status_code in (400, 401)
    assert response["Content-Type"] == "application/problem+json"


def test_a_body_over_the_limit_is_refused(root: Caller, counter: Plugin, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = root.post("plugins/counter/tools/count/run/", {"upto": 1, "pad": "x" * 1000})
    assert_problem(response, 413, "too_large")


def test_a_body_that_is_not_json_says_where(root: Caller, counter: Plugin) -> None:
    response = root.client.post(
        "/api/v1/plugins/counter/tools/count/run/",
        b'{"upto": }',
        content_type="application/json",
        headers=root.headers,
    )
    assert "line 1, column 10" in assert_problem(response, 400, "malformed")["detail"]


@pytest.mark.parametrize("path", ["nosuch/", "nosuch", "plugins/a/b/c/", "runs/x/", ""])
def test_an_unknown_address_is_a_problem_with_its_place(root: Caller, path: str) -> None:
    body = assert_problem(root.get(path), 404, "not_found")
    assert body["instance"] == f"/api/v1/{path}"


def test_an_unknown_version_of_the_api_is_a_problem(root: Caller) -> None:
    assert_problem(root.get("/api/v9/plugins/"), 404, "not_found")


def test_an_address_without_its_slash_is_shown_the_way(root: Caller, counter: Plugin) -> None:
    response = root.post("plugins/counter/tools/count/run?x=1", {})
    assert response.status_code == 308
    assert response["Location"] == "/api/v1/plugins/counter/tools/count/run/?x=1"
