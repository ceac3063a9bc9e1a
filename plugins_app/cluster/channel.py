"""A queue and a flag between processes that nobody can leave locked.

multiprocessing's queue is read under a lock: a reader killed while it waits takes the lock with it,
and the cluster stands still for ever. Here each message is one packet of a socket, which the kernel
hands to exactly one reader.
"""

import os
import pickle
import select
import socket
import time
from typing import Any, Final

LONGEST_MESSAGE: Final = 1 << 20
LOOK_EVERY_SECONDS: Final = 0.005


class Channel:
    """Stands in for django-q2's queue. With `room_for_one`, put waits until the last one was taken."""

    def __init__(self, *, room_for_one: bool = False) -> None:
        self._reading, self._writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._room_for_one = room_for_one

    def put(self, message: Any) -> None:
        while self._room_for_one and not self.empty():
            time.sleep(LOOK_EVERY_SECONDS)
        self._writing.sendall(pickle.dumps(message))

    def get(self) -> Any:
        # Nobody but the processes of this cluster holds the other end.
        return pickle.loads(self._reading.recv(LONGEST_MESSAGE))  # noqa: S301

    def empty(self) -> bool:
        readable, _, _ = select.select([self._reading], [], [], 0)
        return not readable

    def qsize(self) -> int:
        return 0 if self.empty() else 1

    def close(self) -> None:
        """Nothing to do: a packet is on its way when `put` returns. Others may still read."""

    def join_thread(self) -> None:
        """Nothing to wait for, for the same reason."""


class Flag:
    """Stands in for multiprocessing's event, whose `set` waits for sleepers even if they are dead."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def set(self) -> None:
        if not self.is_set():
            os.write(self._writing, b"!")

    def is_set(self) -> bool:
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        # The byte is never taken out, so it is there for everybody and for good.
        readable, _, _ = select.select([self._reading], [], [], seconds)
        return bool(readable)

    def close(self) -> None:
        os.close(self._reading)
        os.close(self._writing)
