"""The child's end of the channel, and the outlet a tool's Run speaks through."""

import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from sandbox import protocol
from sandbox.messages import (
    ARTIFACT_NAME,
    EVENT_KIND,
    Call,
    Emitted,
    Fork,
    Message,
    NewArtifact,
    Start,
)
from sandbox.schemas import plain_json

PROGRESS_EVERY_SECONDS: Final = 0.05
PREVIEW_EVERY_SECONDS: Final = 1 / 30
MOST_LOG_TEXT: Final = 64 << 10
RECEIVE_BYTES: Final = 1 << 16
RESERVED_KINDS: Final = frozenset({"progress", "log", "artifact", "preview", "end", "hello"})
LEVELS: Final = frozenset({"debug", "info", "warning", "error"})
JPEG_MAGIC: Final = b"\xff\xd8"

MOST_DESCRIPTORS: Final = 3

Order = TypeVar("Order", Start, Call, Fork)


class Channel:
    """Frames to and from the runner; any thread may send, and only this process.

    `descriptors` came with messages, first come first.
    """

    def __init__(self, descriptor: int, *, frame_bytes: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._reader = protocol.FrameReader(limit=frame_bytes)
        self._waiting: list[protocol.Frame] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self.descriptors: list[int] = []
        self.frame_bytes = frame_bytes

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, message: Message) -> None:
        """Send MESSAGE, waiting for as long as the runner is behind."""
        self.send_frame(protocol.encode(msgspec.to_builtins(message), limit=self.frame_bytes))

    def send_frame(self, frame: bytes) -> None:
        if os.getpid() != self._owner:
            # Two processes writing one stream would tear each other's frames apart.
            raise RuntimeError(
                "a Run can only be used in the process its tool was called in; "
                "hand results back to it and let it emit them"
            )
        with self._lock:
            self._socket.sendall(frame)

    def receive(self, expected: type[Order]) -> Order:
        """Return the next message, which must be EXPECTED; EOFError when the runner is gone."""
        while not self._waiting:
            data, descriptors, _flags, _address = socket.recv_fds(
                self._socket, RECEIVE_BYTES, MOST_DESCRIPTORS
            )
            if not data:
                raise EOFError
            self.descriptors += descriptors
            for frame in self._reader.feed(data):
                self._waiting.append(frame)
        return msgspec.convert(self._waiting.pop(0).message(), expected)


class ChannelOutlet:
    """Speaks for one run. Progress is coalesced, previews are thinned; events are never dropped."""

    def __init__(self, channel: Channel, *, scratch: Path) -> None:
        self._channel = channel
        self._artifacts = scratch / "artifacts"
        self._lock = threading.RLock()
        self._progress: Emitted | None = None
        self._timer: threading.Timer | None = None
        self._progress_sent = 0.0
        self._preview_sent = 0.0

    def progress(self, done: float, total: float | None) -> None:
        data = plain_json({"done": done, "total": total})
        if not isinstance(data["done"], int | float):
            raise TypeError(f"progress takes numbers, not {done!r}")
        with self._lock:
            self._progress = Emitted(kind="progress", data=data)
            wait = self._progress_sent + PROGRESS_EVERY_SECONDS - time.monotonic()
            if wait <= 0:
                self.flush()
            elif self._timer is None:
                # The newest value must arrive even if the tool says nothing for an hour.
                self._timer = threading.Timer(wait, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Send the progress that waits, if any."""
        with self._lock:
            progress, self._progress, self._timer = self._progress, None, None
            if progress is not None:
                self._progress_sent = time.monotonic()
                self._channel.send(progress)

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        if not EVENT_KIND.fullmatch(kind) or kind in RESERVED_KINDS:
            raise ValueError(
                f"{kind!r} is no event kind: use lower-case letters, digits, '_', '.' and '-', "
                f"and none of {', '.join(sorted(RESERVED_KINDS))}"
            )
        plain = plain_json(data)
        if not isinstance(plain, dict):
            raise TypeError(f"an event's data is a JSON object, not a {type(data).__name__}")
        self._channel.send(Emitted(kind=kind, data=plain))

    def preview(self, jpeg: bytes, frame: int, time_: float) -> None:
        jpeg = bytes(jpeg)
        if not jpeg.startswith(JPEG_MAGIC):
            raise ValueError("a preview is a JPEG: encode the picture first")
        now = time.monotonic()
        if now - self._preview_sent < PREVIEW_EVERY_SECONDS:
            return
        self._preview_sent = now
        limit = self._channel.frame_bytes
        packed = protocol.pack_preview(jpeg, frame=int(frame), time=float(time_), limit=limit)
        self._channel.send_frame(packed)

    def log(self, message: str, level: str) -> None:
        if level not in LEVELS:
            raise ValueError(f"{level!r} is no log level: use {', '.join(sorted(LEVELS))}")
        data = {"level": level, "message": str(message)[:MOST_LOG_TEXT]}
        self._channel.send(Emitted(kind="log", data=data))

    def artifact(self, name: str) -> Path:
        if not ARTIFACT_NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no artifact name: one plain file name of at most 200 letters, "
                "digits and '_ .()+-', not starting with a dot"
            )
        self._artifacts.mkdir(exist_ok=True)
        self._channel.send(NewArtifact(name=name))
        return self._artifacts / name
