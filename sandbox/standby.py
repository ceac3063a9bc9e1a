"""The worker's side of standbys: processes that are ready for a run before it is known."""

import os
import select
import socket
import struct
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, cast

from sandbox import protocol
from sandbox.conversation import encoded
from sandbox.guards import Guard, GuardState, enforced
from sandbox.guards.files import inputs
from sandbox.limits import Limits
from sandbox.messages import Fork, Message
from sandbox.nest import Nest
from sandbox.orders import CONTROL_FRAME_BYTES
from sandbox.protocol import FrameReader, ProtocolError
from sandbox.runner import setup_of, start_of
from sandbox.source import PluginSource
from sandbox.spawn import LEAVE_PATIENCE_SECONDS, Kept, KeptProcess
from sandbox.transcript import TooManyEvents, Transcript

# A long one: the run's own label is written over it, in the process's environment.
LABEL_LENGTH: Final = 64
NO_DEADLINE: Final = 1e12
SLOTS: Final = 3
RECEIVE_BYTES: Final = 1 << 16
JOIN_PATIENCE_SECONDS: Final = 2.0
NEEDED_TO_FORK: Final = frozenset(
    {"process_tree", "memory", "processes", "files", "signals", "shared_memory"}
)


Line = socket.socket | BinaryIO


@dataclass(kw_only=True)
class Standby:
    """One that waits: its process, its place, and how many runs it may still do in turn.

    GUARDS are known of one that has nothing left to say before its call.
    """

    kept: Kept
    nest: Nest
    slot: int
    guards: tuple[Guard, ...] = ()
    is_forked: bool = False
    runs_left: int = 1
    has_stayed: bool = False


def start_afresh(plugin: PluginSource, limits: Limits, root: Path) -> Standby:
    """Return a standby of its own keeper; it loads the plugin while nobody waits."""
    nest = Nest(root, slots=1)
    setup = setup_of(
        plugin,
        limits,
        label=new_label(),
        scratch=nest.box(0),
        readable=(inputs(str(nest.folder), 0),),
    )
    kept = KeptProcess(replace(setup, standby=True, deadline=NO_DEADLINE))
    _say(kept, start_of(plugin), limits)
    return Standby(kept=kept, nest=nest, slot=0, runs_left=plugin.reuse)


class Template:
    """A plugin's process that has been through init() and validate(), to be forked from."""

    def __init__(self, plugin: PluginSource, limits: Limits, root: Path) -> None:
        self.nest = Nest(root, slots=SLOTS)
        setup = setup_of(plugin, limits, label=new_label(), scratch=self.nest.own_scratch)
        self._kept = KeptProcess(
            replace(setup, standby=True, nest=str(self.nest.folder), slots=SLOTS)
        )
        self._heard = Transcript(frame_bytes=limits.frame_bytes, events=limits.events)
        self._frame_bytes = limits.frame_bytes
        self._lines: set[Line] = {
            self._kept.channel,
            self._kept.control,
            self._kept.stdout,
            self._kept.stderr,
        }
        self.is_dead = False
        start = start_of(plugin)
        start.as_template = True
        _say(self._kept, start, limits)

    @property
    def is_ready(self) -> bool:
        return not self.is_dead and self.why_not_forkable == ""

    @property
    def why_not_forkable(self) -> str | None:
        """Why standbys must be started afresh; empty when they can be forked, None: not known."""
        if self._heard.forkable is None:
            return None
        lacking = [
            guard.name
            for guard in self._heard.guards
            if guard.name in NEEDED_TO_FORK and guard.state is not GuardState.ENFORCED
        ]
        if lacking:
            return f"this machine cannot part runs of one plugin without {', '.join(lacking)}"
        return self._heard.forkable.why_not

    def listen(self, seconds: float) -> None:
        """Take in what it says, for at most SECONDS or until it is known what will come of it."""
        give_up = time.monotonic() + seconds
        while not self.is_dead:
            known = self._heard.forkable is not None
            patience = 0.0 if known else max(0.0, give_up - time.monotonic())
            ready: list[Line] = select.select(list(self._lines), [], [], patience)[0]
            for line in ready:
                self._take_in(line)
            if not ready:
                return
            if not known and self.is_ready:
                self._kept.set_deadline(NO_DEADLINE)

    def fork(self, slot: int) -> Standby:
        """Order a standby into SLOT; it comes while nobody waits."""
        kept = ForkedStandby()
        self._kept.expect(slot, kept.their_control)
        message = encoded(Fork(slot=slot), limit=self._frame_bytes)
        socket.send_fds(self._kept.channel, [message], kept.handed)
        kept.let_go_of_theirs()
        guards = tuple(map(_as_forked, self._heard.guards))
        return Standby(kept=kept, nest=self.nest, slot=slot, guards=guards, is_forked=True)

    def close(self) -> None:
        self._kept.let_go()
        self.nest.remove()

    def _take_in(self, line: Line) -> None:
        try:
            data = _read(line)
            if line is self._kept.channel and data:
                for _news in self._heard.feed(data):
                    pass  # what it says in init() is said again by each standby started afresh
        except (ProtocolError, TooManyEvents):
            data = b""
        if not data:
            self._lines.discard(line)
            self.is_dead = self.is_dead or line in (self._kept.channel, self._kept.control)


class ForkedStandby(Kept):
    """A standby that a template forks; its keeper is the template's."""

    def __init__(self) -> None:
        super().__init__((new_label(),))
        self.control, self.their_control = socket.socketpair()
        self.channel, their_channel = socket.socketpair()
        out, their_out = os.pipe2(os.O_CLOEXEC)
        err, their_err = os.pipe2(os.O_CLOEXEC)
        self.stdout = cast("BinaryIO", open(out, "rb", buffering=0))  # noqa: SIM115
        self.stderr = cast("BinaryIO", open(err, "rb", buffering=0))  # noqa: SIM115
        for stream in (self.stdout, self.stderr):
            os.set_blocking(stream.fileno(), False)
        self.channel.setblocking(False)
        self.handed = (their_channel.detach(), their_out, their_err)
        self._has_joined = False

    def let_go(self) -> None:
        """Close every line to it, and see it dead."""
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_WR)
            self.control.settimeout(LEAVE_PATIENCE_SECONDS)
            while self.control.recv(RECEIVE_BYTES):
                pass
        super().let_go()

    def let_go_of_theirs(self) -> None:
        self.their_control.close()
        for descriptor in self.handed:
            os.close(descriptor)

    def is_there(self) -> bool:
        """Wait until the standby is in its group; False when it is not coming, or has died."""
        if not self._has_joined:
            self._has_joined = self._hear_of_joining()
        return self._has_joined and not select.select([self.control], [], [], 0)[0]

    def _hear_of_joining(self) -> bool:
        self.control.settimeout(JOIN_PATIENCE_SECONDS)
        try:
            # Byte by byte what belongs to this frame, and nothing of the next.
            header = self.control.recv(protocol.HEADER.size, socket.MSG_WAITALL)
            length = protocol.HEADER.unpack(header)[0]
            frames = list(
                FrameReader(limit=CONTROL_FRAME_BYTES).feed(
                    header + self.control.recv(length, socket.MSG_WAITALL)
                )
            )
        except (OSError, ValueError, ProtocolError, struct.error):
            return False
        self.control.settimeout(None)
        return bool(frames) and "joined" in frames[0].message()


def new_label() -> str:
    return f"standby-{uuid.uuid4().hex}".ljust(LABEL_LENGTH, "-")


def _say(kept: Kept, message: Message, limits: Limits) -> None:
    kept.channel.setblocking(True)
    kept.channel.sendall(encoded(message, limit=limits.frame_bytes))
    kept.channel.setblocking(False)


def _read(line: Line) -> bytes:
    try:
        if isinstance(line, socket.socket):
            return line.recv(RECEIVE_BYTES)
        return line.read(RECEIVE_BYTES) or b""
    except BlockingIOError:
        return b" "
    except ConnectionResetError:
        return b""


def _as_forked(guard: Guard) -> Guard:
    """Return GUARD in the words that are true of a standby."""
    return {
        "process_tree": enforced(
            "process_tree", "control group of its own, in the PID namespace of its plugin"
        ),
        "shared_memory": enforced(
            "shared_memory", "IPC namespace without System V, /dev/shm emptied after each run"
        ),
    }.get(guard.name, guard)
