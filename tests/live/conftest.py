"""A served platform on the test database, runs to watch, and clients that watch them."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from knox.models import AuthToken
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

import sandbox
from plugins_app import hints
from plugins_app.lifecycle import RunStatus, State, Via
from plugins_app.models import Plugin, Run, Worker
from plugins_app.services import events
from tests.live.serving import daphne

PATIENCE = 20


@pytest.fixture(scope="session")
def address(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the platform is served, with impatient settings, on this process's test database."""
    log = tmp_path_factory.mktemp("daphne") / "log"
    with daphne(log, DATABASE_URL=f"sqlite:///{connection.settings_dict['NAME']}") as served:
        yield served


@dataclass
class Client:
    socket: ClientConnection

    def next(self) -> dict[str, Any]:
        return json.loads(self.socket.recv(timeout=PATIENCE))

    def take(self, count: int) -> list[int]:
        """The numbers of the next COUNT events."""
        return [self.next()["seq"] for _ in range(count)]

    def rest(self) -> list[dict[str, Any]]:
        """All messages up to the close."""
        messages = []
        try:
            while True:
                messages.append(self.next())
        except ConnectionClosed:
            return messages

    def send(self, content: Any) -> None:
        self.socket.send(json.dumps(content))

    def close_code(self) -> int | None:
        self.rest()
        return self.socket.close_code


@dataclass
class Scribe:
    """Writes a run's history as its worker does."""

    run: Run
    worker: Worker
    written: int = 0

    def say(self, count: int = 1, kind: str = "log") -> None:
        first = self.written + 1
        batch = [
            sandbox.Event(kind=kind, data={"message": f"{n}"}, at=timezone.now().timestamp())
            for n in range(first, first + count)
        ]
        self.written += count
        events.append(run_id=self.run.pk, worker_id=self.worker.pk, first_seq=first, events=batch)

    def show(self, number: int, message: bytes) -> None:
        events.store_preview(run_id=self.run.pk, number=number, message=message)

    def end(self, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        Run.objects.filter(pk=self.run.pk).update(status=status, finished_at=timezone.now())
        hints.ring()


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    # Nobody logs in by password here, but every user is made with one.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def plugin(transactional_db: None) -> Plugin:
    return Plugin.objects.create(
        name="echo", version="1.0.0", folder="/plugins/echo", digest="0" * 64, state=State.RUNNING
    )


@pytest.fixture
def scribe(plugin: Plugin) -> Scribe:
    worker = Worker.objects.create(host="here", pid=1, process_started=0.0)
    run = Run.objects.create(
        plugin=plugin,
        plugin_version="1.0.0",
        tool="say",
        status=RunStatus.RUNNING,
        actor="ann",
        via=Via.API,
        worker=worker,
    )
    return Scribe(run=run, worker=worker)


@pytest.fixture
def user(transactional_db: None, make_user: Callable[..., Any]) -> Any:
    return make_user("vera", "Viewer")


@pytest.fixture
def token(user: Any) -> str:
    return AuthToken.objects.create(user)[1]


@pytest.fixture
def visit(address: str) -> Iterator[Callable[..., Client]]:
    """Open any address with any headers: `visit("/ws/plugins/", Cookie="…")`."""
    with ExitStack() as open_sockets:

        def open_socket(path: str, **headers: str) -> Client:
            opening = connect(
                f"ws://{address}{path}",
                additional_headers=headers,
                compression=None,
                max_queue=None,
                open_timeout=PATIENCE,
            )
            return Client(open_sockets.enter_context(opening))

        yield open_socket


@pytest.fixture
def watch(visit: Callable[..., Client], token: str) -> Callable[..., Client]:
    """Watch a run, or all plugins, by token: `watch(run, "?after=3")`."""

    def open_feed(run: Run | None, query: str = "") -> Client:
        path = f"/ws/runs/{run.pk}/" if run else "/ws/plugins/"
        return visit(path + query, Authorization=f"Token {token}")

    return open_feed
