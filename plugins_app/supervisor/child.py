"""One child process, started again when it dies, until it is told to stop."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from plugins_app import processes
from plugins_app.supervisor.output import Output

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0
LONGEST_LINE: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a child is. It inherits DESCRIPTORS and nothing else; it dies with its parent."""

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int] = ()
    once: bool = False


@dataclass(kw_only=True)
class Child:
    """Belongs to the event loop that runs it."""

    command: Command
    output: Output
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def pid(self) -> int | None:
        """Its pid while it lives."""
        lives = self._process is not None and self._process.returncode is None
        return self._process.pid if lives else None

    async def run(self) -> None:
        """Keep it going; return when it was stopped, or has done what is done once."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                ending = await self._run_once()
            except OSError as error:
                ending = f"cannot be started ({error})"
            if self._stopping.is_set() or self.command.once:
                return
            if time.monotonic() - started > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self.output.say(f"{self.command.name} {ending}: it is started anew in {pause:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def stop(self, *, seconds: float) -> None:
        """SIGTERM, and SIGKILL when it has not ended within SECONDS."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            self.output.say(f"{self.command.name} does not end: killing it")
            self.kill()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _run_once(self) -> str:
        self._process = process = await asyncio.create_subprocess_exec(
            *self.command.words,
            env=dict(self.command.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=self.command.descriptors,
            limit=LONGEST_LINE,
            # A group of its own: Ctrl-C is for us, and we say when they are to stop.
            process_group=0,
            preexec_fn=processes.die_with_parent,
        )
        relay = asyncio.create_task(self._relay(process.stdout))
        code = await process.wait()
        # A grandchild may hold the pipe open: what it says after this is nobody's.
        await asyncio.wait({relay}, timeout=0.2)
        relay.cancel()
        return f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    async def _relay(self, stream: asyncio.StreamReader | None) -> None:
        while stream is not None:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # longer than a line may be: that much of it is dropped
            if not line:
                return
            self.output.say(line.decode(errors="replace").rstrip(), by=self.command.name)
