"""Real daphne processes."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from knox.models import get_token_model

from tests.running import make_platform, platform_up

__all__ = ["make_platform", "platform_up"]

ROOT = Path(settings.BASE_DIR)


@dataclass(frozen=True, kw_only=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int

    def connect(self, timeout: float = 30) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response, read to its end: `.status`, `.headers`, `.body`."""
        client = self.connect()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, path, body, named)
        response: Any = client.getresponse()
        response.body = response.read()
        client.close()
        return response

    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) << 10


@pytest.fixture
def serve(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return a starter of servers on this test's database and files."""
    servers: list[Server] = []

    def start(application: str = "config.asgi:application", **environment: str) -> Server:
        server = _start(application, tmp_path, environment)
        servers.append(server)
        _await_answer(server)
        return server

    yield start
    for server in servers:
        server.process.terminate()
        server.process.wait(10)


@pytest.fixture
def token(transactional_db: None, make_user: Callable[..., Any]) -> Callable[..., dict[str, str]]:
    """Return a maker of `Authorization` headers for new users with these roles."""

    def make(*roles: str) -> dict[str, str]:
        user = make_user("-".join(roles).lower(), *roles)
        return {"Authorization": f"Token {get_token_model().objects.create(user=user)[1]}"}

    return make


def _start(application: str, data: Path, environment: dict[str, str]) -> Server:
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), application],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
            "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
            "BULKHEAD_DATA_DIR": str(data),
            **environment,
        },
    )
    return Server(process=process, port=port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(server: Server) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert server.process.poll() is None, "daphne ended"
        try:
            server.ask("GET", "/api/v1/health/live/")
            return
        except OSError:
            assert time.monotonic() < deadline, "daphne does not answer"
            time.sleep(0.05)
