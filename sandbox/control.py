"""The keeper's end of a control socket."""

import socket
from contextlib import suppress
from typing import Any, Final

from sandbox import protocol
from sandbox.orders import CONTROL_FRAME_BYTES, Ended, Setup

RECEIVE_BYTES: Final = 1 << 16
MOST_DESCRIPTORS: Final = 16


class Control:
    """Orders come in, one Ended goes out. `descriptors` came with orders, first come first."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self.descriptors: list[int] = []
        self._reader = protocol.FrameReader(limit=CONTROL_FRAME_BYTES)

    def receive(self) -> list[dict[str, Any]] | None:
        """Return what came; None when the runner is gone."""
        data = b""
        with suppress(ConnectionResetError):
            data, descriptors, _flags, _address = socket.recv_fds(
                self.socket, RECEIVE_BYTES, MOST_DESCRIPTORS
            )
            self.descriptors += descriptors
        return [frame.message() for frame in self._reader.feed(data)] if data else None

    def receive_setup(self) -> Setup:
        """Return the first order, and leave in the socket what came right behind it."""
        length, _kind = protocol.HEADER.unpack(self._exactly(protocol.HEADER.size))
        return Setup.from_message(protocol.decode(self._exactly(length)))

    def _exactly(self, size: int) -> bytes:
        data = self.socket.recv(size, socket.MSG_WAITALL)
        if len(data) < size:
            raise SystemExit  # the runner died before it said what to do
        return data

    def send(self, ended: Ended) -> None:
        self.tell(ended.to_message())

    def tell(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # nobody is left to hear it
            self.socket.sendall(protocol.encode(message, limit=CONTROL_FRAME_BYTES))
