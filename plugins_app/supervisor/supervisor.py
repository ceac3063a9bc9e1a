"""Starts the children, tells when all is well, and ends them in order: workers first, web last."""

import asyncio
import signal
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from plugins_app import processes
from plugins_app.services import queue, workers
from plugins_app.supervisor import commands
from plugins_app.supervisor.address import url_of
from plugins_app.supervisor.banner import banner
from plugins_app.supervisor.child import Child, Command
from plugins_app.supervisor.output import Output
from plugins_app.supervisor.readiness import wait_until_up

UP_WITHIN_SECONDS: Final = 60.0
WORKERS_STOP_SECONDS: Final = 8.8  # their drain, and a little for the goodbyes
WEB_STOP_SECONDS: Final = 0.8
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Runs the platform behind LISTENER until a signal ends it; a second signal kills it."""

    def __init__(self, *, listener: socket.socket, sample: Path | None, output: Output) -> None:
        self._listener = listener
        self._sample = sample
        self._output = output
        self._children: list[Child] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, *, password: str | None) -> None:
        asked_to_end = asyncio.Event()
        self._listen_for_signals(asked_to_end)
        self._start(commands.web(self._listener.fileno()))
        self._start(commands.workers(queue.DEFAULT_QUEUE))
        self._watch(self._announce(password))
        self._watch(self._add_gpu_workers())
        await asked_to_end.wait()
        await self._stop()

    def _listen_for_signals(self, asked_to_end: asyncio.Event) -> None:
        def heard() -> None:
            if asked_to_end.is_set():
                self._output.say("asked again: killing what is left")
                self._kill()
            asked_to_end.set()

        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, heard)

    def _start(self, command: Command) -> None:
        child = Child(command=command, output=self._output)
        self._children.append(child)
        self._watch(child.run())

    def _watch(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _announce(self, password: str | None) -> None:
        url = url_of(self._listener)
        missing = await wait_until_up(url, seconds=UP_WITHIN_SECONDS)
        for name in missing:
            self._output.say(f"{name} do not answer after {UP_WITHIN_SECONDS:g} s: see above why")
        self._output.banner(banner(url=url, password=password))
        if self._sample is not None and not self._sample.exists():
            self._start(commands.sample(self._sample))

    async def _add_gpu_workers(self) -> None:
        if await asyncio.to_thread(workers.has_usable_gpu):
            self._start(commands.workers(queue.GPU_QUEUE))

    async def _stop(self) -> None:
        self._output.say("stopping: runs in progress get their time to finish")
        web = [child for child in self._children if child.command.name == "web"]
        others = [child for child in self._children if child not in web]
        # The web server goes last: who watches a run sees it end.
        for group, seconds in ((others, WORKERS_STOP_SECONDS), (web, WEB_STOP_SECONDS)):
            await asyncio.gather(*(child.stop(seconds=seconds) for child in group))
        self._kill()
        for task in self._tasks:
            task.cancel()
        self._output.say("stopped")

    def _kill(self) -> None:
        members = [
            process
            for child in self._children
            if child.pid is not None
            for process in processes.tree(child.pid)
        ]
        for child in self._children:
            child.kill()
        processes.kill_all(members)
