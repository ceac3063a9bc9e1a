"""How many requests a second the API answers.

The floor is daphne with a bare application behind it, and the alternative is Django's own ASGI
handler: all three in the same run, on the same daphne, asked by the same client.

    python -m benchmarks web_api
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = 16
SECONDS = 3.0
PATIENCE_SECONDS = 60
SERVERS = {
    "bare daphne": "benchmarks.processes.servers:bare",
    "Django's handler": "benchmarks.processes.servers:django_handler",
    "ours": "config.asgi:application",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    name: str
    method: str
    path: str
    body: bytes = b""

    def encoded(self, token: str) -> bytes:
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Token {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


REQUESTS = (
    Request(name="list of 20 plugins", method="GET", path="/api/v1/plugins/"),
    Request(name="health of one", method="GET", path="/api/v1/plugins/plugin-1/health/"),
    Request(
        name="start of a run",
        method="POST",
        path="/api/v1/plugins/plugin-1/tools/say/run/",
        body=json.dumps({"text": "hello"}).encode(),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    per_second: float
    p95_ms: float


def main() -> None:
    print(f"{CLIENTS} clients, {SECONDS:.0f} s each; requests/s, and p95 in ms")
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder, ExitStack() as servers:
        environment = _environment(folder)
        _run(environment, "manage.py", "migrate", "--verbosity", "0")
        token = _run(environment, "-m", "benchmarks.processes.records").strip()
        ports = {
            name: servers.enter_context(_server(environment, application))
            for name, application in SERVERS.items()
        }
        for request in REQUESTS:
            _report(request, {name: _measure(port, request, token) for name, port in ports.items()})


def _report(request: Request, found: dict[str, Figures]) -> None:
    floor = found["bare daphne"].per_second
    print(f"\n{request.name}")
    for name, figures in found.items():
        share = figures.per_second / floor
        print(f"  {name:17} {figures.per_second:7.0f}/s  p95 {figures.p95_ms:6.1f}  {share:5.2f}x")
    gain = found["ours"].per_second / found["Django's handler"].per_second
    print(f"  ours to Django's handler: {gain:.2f}x")


def _measure(port: int, request: Request, token: str) -> Figures:
    latencies = asyncio.run(_load(port, request.encoded(token)))
    return Figures(
        per_second=len(latencies) / SECONDS, p95_ms=quantiles(latencies, n=20)[-1] * 1000
    )


async def _load(port: int, request: bytes) -> list[float]:
    latencies: list[float] = []
    # Not measured: first requests import, connect and fill caches.
    await _client(port, request, [], until=time.monotonic() + 0.5)
    until = time.monotonic() + SECONDS
    await asyncio.gather(
        *(_client(port, request, latencies, until=until) for _number in range(CLIENTS))
    )
    return latencies


async def _client(port: int, request: bytes, latencies: list[float], *, until: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.monotonic()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if head.split(b" ", 2)[1] not in (b"200", b"202"):
            raise RuntimeError(f"expected 200 or 202, not {head!r}")
        await reader.readexactly(_length(head))
        latencies.append(time.monotonic() - began)
    writer.close()
    await writer.wait_closed()


def _length(head: bytes) -> int:
    line = next(ln for ln in head.split(b"\r\n") if ln.lower().startswith(b"content-length:"))
    return int(line.partition(b":")[2])


def _environment(folder: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("BULKHEAD_")}
    return inherited | {
        "BULKHEAD_DATA_DIR": folder,
        "BULKHEAD_THROTTLE": "off",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
    }


def _run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


@contextmanager
def _server(environment: dict[str, str], application: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "daphne", "-v", "0", "-p", str(port), application]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _await(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    main()
