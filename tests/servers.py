"""Real servers for the tests that need them, started from their binaries on free ports.

Where a binary is missing the test is skipped with the reason; under CI=true that is a failure.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest

START_SECONDS = 30
POSTGRES_OPTIONS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "max_connections=60",
)


@dataclass(kw_only=True)
class Server:
    """A server process of the tests' own, which may be stopped and started again."""

    url: str
    port: int
    _is_ready: Callable[[], bool]
    _command: list[str]
    _user: str | None = None
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            user=self._user,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._is_ready, what=f"{self._command[0]} on port {self.port}")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(2)  # SIGINT: fast for PostgreSQL, orderly for Redis
        self._process.wait(START_SECONDS)
        self._process = None


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """A Redis that keeps nothing on disk. A test that stops it starts it again."""
    binary = shutil.which("redis-server") or _do_without("redis-server is not installed")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = Server(
        url=f"redis://127.0.0.1:{port}/0",
        port=port,
        _is_ready=lambda: answers(port),
        _command=[binary, *options],
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL with one superuser, trusted. `url` names its empty database `postgres`."""
    binaries = _postgres_binaries() or _do_without("PostgreSQL's server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="bulkhead-postgres-"))
    user = _unprivileged_user(folder)
    data = folder / "data"
    _init_database(binaries, data, user)
    port = free_port()
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
    for option in POSTGRES_OPTIONS:
        command += ["-c", option]
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    server = Server(
        url=url, port=port, _is_ready=lambda: _takes_logins(url), _command=command, _user=user
    )
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], *, what: str, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _takes_logins(url: str) -> bool:
    """PostgreSQL takes connections before it takes logins: for a moment it is "starting up"."""
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _postgres_binaries() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = [folder for folder in folders if (folder / "postgres").exists()]
    if found:
        return found[-1]
    binary = shutil.which("postgres")
    return Path(binary).resolve().parent if binary else None


def _unprivileged_user(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: give FOLDER to somebody else, and return who."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in known else "nobody"
    shutil.chown(folder, user)
    return user


def _init_database(binaries: Path, data: Path, user: str | None) -> None:
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
        ],
        user=user,
        cwd="/",
        check=True,
        capture_output=True,
    )


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must have it")
    pytest.skip(reason)
