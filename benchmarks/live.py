"""How soon, and how fast, events reach the viewers of a run.

One writer, in a process of its own, commits events; daphne serves them; 50 viewers read. The floor
is the same with nothing in between: a bare WebSocket server that sends on what the writer sends it.

    python -m benchmarks live
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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
VIEWERS = 50
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Load:
    name: str
    batches: int
    size: int
    pause: float

    @property
    def events(self) -> int:
        return self.batches * self.size


STEADY = Load("100 events/s, one by one", batches=200, size=1, pause=0.01)
BATCHED = Load("1,000 events/s, in batches of 50", batches=40, size=50, pause=0.05)
BURST = Load("a burst, in batches of 200", batches=15, size=200, pause=0.0)


@dataclass(frozen=True)
class Figures:
    p50: float
    p95: float
    per_second: float


def main() -> None:
    print(f"{VIEWERS} viewers; latency from before the commit to the client, in ms; deliveries/s")
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
        environment = _environment(folder)
        _run(environment, "manage.py", "migrate", "--verbosity", "0")
        with (
            _server(
                environment, "-m", "daphne", "-v", "0", "-p", "{port}", "config.asgi:application"
            ) as feed,
            _server(environment, "-m", "benchmarks.processes.live_floor", "{port}") as floor,
        ):
            for load in (STEADY, BATCHED, BURST):
                _report(load, _measure(environment, floor, feed, load))


def _report(load: Load, figures: tuple[Figures, Figures]) -> None:
    floor, feed = figures
    print(f"\n{load.name} ({load.events} events)")
    for name, one in (("floor", floor), ("feed", feed)):
        print(f"  {name:6} p50 {one.p50:7.1f}  p95 {one.p95:7.1f}  {one.per_second:9,.0f}/s")
    print(
        f"  ratio  p50 {feed.p50 / floor.p50:6.1f}x  p95 {feed.p95 / floor.p95:6.1f}x  "
        f"{feed.per_second / floor.per_second:9.2f}x"
    )


def _measure(
    environment: dict[str, str], floor: int, feed: int, load: Load
) -> tuple[Figures, Figures]:
    words = [str(load.batches), str(load.size), str(load.pause)]
    with _writer(
        environment, "benchmarks.processes.live_floor_writer", str(floor), *words
    ) as writer:
        bare = asyncio.run(_view_all(f"ws://127.0.0.1:{floor}/", {}, writer, load))
    with _writer(environment, "benchmarks.processes.live_writer", *words) as writer:
        facts = json.loads(writer.stdout.readline())
        url = f"ws://127.0.0.1:{feed}/ws/runs/{facts['run']}/"
        header = {"Authorization": f"Token {facts['token']}"}
        live = asyncio.run(_view_all(url, header, writer, load))
    return bare, live


async def _view_all(url: str, header: dict[str, str], writer: Any, load: Load) -> Figures:
    ready = asyncio.Semaphore(0)
    delays: list[float] = []
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        for _ in range(VIEWERS):
            tasks.create_task(_view(url, header, load, ready, delays))
        for _ in range(VIEWERS):
            await ready.acquire()
        started = time.time()
        writer.stdin.write("go\n")
        writer.stdin.flush()
    wall = time.time() - started
    p95 = quantiles(delays, n=20)[-1]
    return Figures(median(delays) * 1000, p95 * 1000, len(delays) / wall)


async def _view(
    url: str, header: dict[str, str], load: Load, ready: asyncio.Semaphore, delays: list[float]
) -> None:
    async with connect(url, additional_headers=header, compression=None) as connection:
        await connection.recv()
        ready.release()
        for number in range(1, load.events + 1):
            message = await _next_event(connection)
            delays.append(time.time() - message["data"]["now"])
            if number % 500 == 0:
                await connection.send(json.dumps({"type": "ack", "seq": number}))


async def _next_event(connection: ClientConnection) -> dict[str, Any]:
    message = json.loads(await connection.recv())
    assert message["type"] == "event", message
    return message


def _environment(folder: str) -> dict[str, str]:
    return {
        **os.environ,
        "BULKHEAD_DATA_DIR": folder,
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
    }


def _run(environment: dict[str, str], *words: str) -> None:
    subprocess.run([sys.executable, *words], env=environment, cwd=ROOT, check=True)


@contextmanager
def _server(environment: dict[str, str], *words: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, *(word.format(port=port) for word in words)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        _await_port(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _await_port(port: int) -> None:
    for _ in range(PATIENCE_SECONDS * 20):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing answers on port {port}")


@contextmanager
def _writer(environment: dict[str, str], module: str, *words: str) -> Iterator[Any]:
    command = [sys.executable, "-m", module, *words]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


if __name__ == "__main__":
    main()
