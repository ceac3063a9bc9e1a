"""Callers of the API, and a plugin whose record is as if it had been loaded."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from knox.models import get_token_model

from plugins_app.actors import Actor
from plugins_app.lifecycle import State
from plugins_app.models import Plugin, Run
from plugins_app.services import transitions

ANN = Actor(name="ann")
API = "/api/v1/"

MANIFEST = {
    "name": "counter",
    "version": "1.0.0",
    "description": "Counts.",
    "entrypoint": "counter:Counter",
    "requires": {"gpu": False, "packages": []},
    "models": {},
    "limits": {"timeout_seconds": 300},
    "permissions": {"network": False},
    "config": {
        "speed": {"default": 1, "title": "", "description": "", "type": "integer", "secret": False},
        "key": {"default": None, "title": "", "description": "", "type": "string", "secret": True},
    },
    "runtime": {"reuse": 1},
}
FILE = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"upload": {"type": "string"}},
            "required": ["upload"],
            "additionalProperties": False,
        },
        {"type": "null"},
    ]
}
COUNT = {
    "name": "count",
    "title": "Count",
    "description": "Counts up.",
    "streams": True,
    "input_schema": {
        "type": "object",
        "properties": {"upto": {"type": "integer"}, "video": FILE},
        "additionalProperties": False,
    },
    "output_schema": {"type": "object"},
    "file_fields": ["video"],
}


class Caller:
    """Someone who calls the API as a program would: JSON in, JSON out, a token in the header."""

    def __init__(self, token: str = "", address: str = "10.0.0.9") -> None:
        self.client = Client(REMOTE_ADDR=address)
        self.headers = {"Authorization": f"Token {token}"} if token else {}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        path = path if path.startswith("/") else f"{API}{path}"
        sent = (
            {"data": json.dumps(body), "content_type": "application/json"}
            if body is not None
            else {}
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(method, path, headers=self.headers | named, **sent)

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any) -> Any:
        return self("PATCH", path, body)


@pytest.fixture(autouse=True)
def _passwords_are_cheap(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _nobody_has_asked_before() -> None:
    cache.clear()


@pytest.fixture
def call(make_user: Callable[..., Any]) -> Callable[..., Caller]:
    """Return a maker of callers: `call("Operator")`; `call()` has no role, and `call(None)` no token."""
    callers: dict[tuple[str | None, ...], Caller] = {}

    def make(*roles: str | None) -> Caller:
        if roles == (None,):
            return Caller()
        if roles not in callers:
            name = "-".join(map(str, roles)).lower() or "nobody"
            is_superuser = roles == ("superuser",)
            user = make_user(name, *roles, is_superuser=is_superuser)
            _record, token = get_token_model().objects.create(user=user)
            callers[roles] = Caller(token)
        return callers[roles]

    return make


@pytest.fixture
def viewer(call: Callable[..., Caller]) -> Caller:
    return call("Viewer")


@pytest.fixture
def operator(call: Callable[..., Caller]) -> Caller:
    return call("Operator")


@pytest.fixture
def manager(call: Callable[..., Caller]) -> Caller:
    return call("Manager")


@pytest.fixture
def auditor(call: Callable[..., Caller]) -> Caller:
    return call("Auditor")


@pytest.fixture
def counter(make_plugin: Callable[..., Plugin]) -> Plugin:
    return make_plugin("counter")


@pytest.fixture
def make_plugin(db: None) -> Callable[..., Plugin]:
    """Return a maker of plugin records that are ready for runs, or in the state that is asked."""

    def make(name: str, state: State = State.INITIALIZED, **fields: Any) -> Plugin:
        plugin = Plugin(
            name=name,
            version="1.0.0",
            description="Counts.",
            folder=f"/plugins/{name}",
            digest="0" * 64,
            manifest=MANIFEST | {"name": name},
            tools=[COUNT],
        )
        with transaction.atomic():
            transitions.register(plugin=plugin, actor=ANN)
            transitions.touch(plugin=plugin, state=state, **fields)
        return plugin

    return make


@pytest.fixture
def make_run(counter: Plugin) -> Callable[..., Run]:
    """Return a maker of run records, as history would have them."""

    def make(**fields: Any) -> Run:
        given = {
            "plugin": counter,
            "plugin_version": "1.0.0",
            "tool": "count",
            "actor": "ann",
            "via": "api",
            "limits": {},
        }
        return Run.objects.create(**given | fields)

    return make
