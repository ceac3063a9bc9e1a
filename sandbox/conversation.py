"""The runner's loop: read what a run says and prints, pass it on, until its tree is dead."""

import math
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sandbox import protocol
from sandbox.batches import EventBatcher
from sandbox.limits import Limits
from sandbox.messages import Call, Emitted, Message, Start
from sandbox.orders import CONTROL_FRAME_BYTES, Ended
from sandbox.output import Budget, LogTail, OutputStream
from sandbox.protocol import FrameReader, ProtocolError
from sandbox.reports import Problem, Stage
from sandbox.spawn import Kept
from sandbox.transcript import TooManyEvents, Transcript

RECEIVE_BYTES: Final = 1 << 16
CANCEL_POLL_SECONDS: Final = 0.1
CANCEL_GRACE_SECONDS: Final = 1.0
CLOSE_GRACE_SECONDS: Final = 1.0
# The keeper kills on time; this much later the runner stops trusting that it will.
BACKSTOP_SECONDS: Final = 1.5
DRAIN_SECONDS: Final = 1.0


def ignore(_what: object) -> None:
    """Listen to nothing."""


def never() -> str | None:
    """Cancel nothing."""
    return None


@dataclass(frozen=True, kw_only=True)
class Watchers:
    """Who is told while a run goes on, and who may end it."""

    batcher: EventBatcher
    on_preview: Callable[[bytes], None] = ignore
    cancelled: Callable[[], str | None] = never


NOBODY: Final = Watchers(batcher=EventBatcher(ignore))


class Conversation:
    """One run, seen from the worker. `hold` returns when every process of it is dead."""

    def __init__(self, kept: Kept, limits: Limits, watchers: Watchers) -> None:
        self.transcript = Transcript(frame_bytes=limits.frame_bytes, events=limits.events)
        self.fault: Problem | None = None
        self.cancel_reason: str | None = None
        self.ended: Ended | None = None
        self.overdue = False
        self.log_tail = LogTail()
        self._kept = kept
        self._limits = limits
        self._batcher = watchers.batcher
        self._watchers = watchers
        self._budget = Budget(limits.output_bytes)
        self._control_reader = FrameReader(limit=CONTROL_FRAME_BYTES)
        self._outbox = b""
        self._call: Call | None = None
        self._next_cancel_poll = 0.0
        self._close_by = math.inf
        self._stays = False
        self._overdue_at = time.monotonic() + limits.timeout_seconds + BACKSTOP_SECONDS
        self._selector = selectors.DefaultSelector()
        self._streams = {
            kept.stdout: OutputStream("stdout", self._budget),
            kept.stderr: OutputStream("stderr", self._budget),
        }
        self._open: set[Any] = set()

    def hold(self, start: Start | None, call: Call | None) -> None:
        """Have the child do START and CALL; return once its tree is dead and all is read.

        Without a START the child leaves as soon as its walls stand.
        """
        self._call = call
        if start is None:
            self._kept.channel.shutdown(socket.SHUT_WR)
        else:
            self._outbox = encoded(start, limit=self._limits.frame_bytes)
        self._hold()

    def take_over(self, call: Call, *, heard: Transcript | None = None) -> None:
        """Have a standby do CALL as soon as it is ready; return as `hold` does.

        HEARD is what was said so far, where this is not to begin with its first word.
        """
        self._call = call
        self._stays = call.stays
        if heard is not None:
            self.transcript = heard
            self._send(call)
        self._hold()

    @property
    def has_stayed(self) -> bool:
        """True when the child told the end of its call, and lives on for another."""
        return self._stays and self.transcript.is_at_rest and self._kept.control in self._open

    def _hold(self) -> None:
        self._listen()
        try:
            self._flush_outbox()
            while self._kept.control in self._open and not self.has_stayed:
                self._turn()
            self._drain()
        finally:
            self._selector.close()
        self._finish_output()
        self._batcher.flush()

    def _listen(self) -> None:
        self._open = {self._kept.control, self._kept.channel, *self._streams}
        for source in self._open:
            self._selector.register(source, selectors.EVENT_READ)

    def _turn(self) -> None:
        for key, mask in self._selector.select(self._patience()):
            if mask & selectors.EVENT_WRITE:
                self._flush_outbox()
            if mask & selectors.EVENT_READ and key.fileobj in self._open:
                self._read(key.fileobj)
        self._batcher.flush_if_due()
        self._ask_whether_cancelled()
        self._mind_the_end()

    def _patience(self) -> float:
        due = self._batcher.seconds_left()
        return CANCEL_POLL_SECONDS if due is None else min(due, CANCEL_POLL_SECONDS)

    def _read(self, source: Any) -> bool:
        """Take in what SOURCE has now; False when it has nothing."""
        try:
            data = _receive(source)
        except BlockingIOError:
            return False
        if not data:
            self._forget(source)
            return False
        if source is self._kept.control:
            for frame in self._control_reader.feed(data):
                self.ended = Ended.from_message(frame.message())
        elif source is self._kept.channel:
            self._hear(data)
        else:
            self._print(self._streams[source].feed(data))
        return True

    def _hear(self, data: bytes) -> None:
        before = self.transcript.stage
        try:
            for news in self.transcript.feed(data):
                self._pass_on(news)
        except ProtocolError as error:
            self._refuse(
                "protocol_error",
                f"The plugin broke the channel to its runner: {error}. Only the SDK may write there",
            )
        except TooManyEvents:
            self._refuse(
                "too_many_events",
                f"The run emitted more than {self._limits.events:,} events and was killed. "
                "Emit fewer, or gather several in one",
            )
        if self.transcript.stage is Stage.INITIALIZED and before is not Stage.INITIALIZED:
            self._begin_call()
        if self.transcript.done is not None:
            self._close_by = time.monotonic() + CLOSE_GRACE_SECONDS

    def _pass_on(self, news: Emitted | bytes) -> None:
        if isinstance(news, bytes):
            self._watchers.on_preview(news)
            return
        if news.kind == "log":
            self.log_tail.add(news.data["message"])
        self._batcher.add(news.kind, news.data)

    def _print(self, lines: list[dict[str, Any]]) -> None:
        for data in lines:
            self.log_tail.add(data["message"])
            self._batcher.add("log", data)

    def _begin_call(self) -> None:
        if self._call is not None:
            at = time.monotonic() + self._limits.timeout_seconds
            self._overdue_at = at + BACKSTOP_SECONDS
            self._kept.set_deadline(at)
            self._send(self._call)

    def _refuse(self, code: str, message: str) -> None:
        self.fault = Problem(code=code, message=message)
        self._forget(self._kept.channel)
        self._kept.stop(grace_seconds=0)

    def _ask_whether_cancelled(self) -> None:
        now = time.monotonic()
        if self.cancel_reason is not None or now < self._next_cancel_poll:
            return
        self._next_cancel_poll = now + CANCEL_POLL_SECONDS
        self.cancel_reason = self._watchers.cancelled()
        if self.cancel_reason is not None:
            self._kept.stop(grace_seconds=CANCEL_GRACE_SECONDS)

    def _mind_the_end(self) -> None:
        now = time.monotonic()
        if now >= self._close_by:
            self._close_by = math.inf
            self._kept.stop(grace_seconds=0)
        if now >= self._overdue_at:
            self.overdue = True
            self._overdue_at += BACKSTOP_SECONDS
            self._kept.kill_everything()

    def _send(self, message: Message) -> None:
        self._outbox += encoded(message, limit=self._limits.frame_bytes)
        self._flush_outbox()

    def _flush_outbox(self) -> None:
        """Send what the child has room for: a child that does not read must not hold us up."""
        if self._kept.channel not in self._open:
            return
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            self._outbox = self._outbox[self._kept.channel.send(self._outbox) :]
        interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox else 0)
        self._selector.modify(self._kept.channel, interest)

    def _drain(self) -> None:
        """Read what was written before the end; all writers are dead, so there is an end to it."""
        give_up = time.monotonic() + DRAIN_SECONDS
        for source in self._open - {self._kept.control}:
            while source in self._open and self._read(source) and time.monotonic() < give_up:
                pass

    def _finish_output(self) -> None:
        for stream in self._streams.values():
            self._print(stream.finish())
        if self._budget.dropped:
            limit, dropped = self._budget.limit, self._budget.dropped
            text = (
                f"output limit of {limit:,} bytes reached: {dropped:,} further bytes were dropped"
            )
            self._print([{"level": "warning", "message": text, "stream": "sandbox"}])

    def _forget(self, source: Any) -> None:
        if source in self._open:
            self._selector.unregister(source)
            self._open.discard(source)


def encoded(message: Message, *, limit: int) -> bytes:
    """Return MESSAGE as a frame for the child."""
    return protocol.encode(msgspec.to_builtins(message), limit=limit)


def _receive(source: Any) -> bytes:
    try:
        data: bytes | None = (
            source.recv(RECEIVE_BYTES) if hasattr(source, "recv") else source.read(RECEIVE_BYTES)
        )
    except ConnectionResetError:
        return b""
    if data is None:
        raise BlockingIOError
    return data
