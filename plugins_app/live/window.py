"""How far the server may be ahead of a client's acknowledgements, in events and in pictures."""

from collections import deque
from typing import Final

PREVIEWS_AHEAD: Final = 2
BYTES_AHEAD: Final = 32 << 20
"""Daphne keeps in memory whatever a client does not read, so large events narrow the window."""


class Window:
    def __init__(self, *, events: int) -> None:
        self._limit = events
        self._sent: deque[tuple[int, int]] = deque()
        self._bytes = 0

    @property
    def room(self) -> int:
        """How many events may be sent now."""
        return 0 if self._bytes >= BYTES_AHEAD else self._limit - self.on_the_way

    @property
    def on_the_way(self) -> int:
        """How many events were sent and not acknowledged yet."""
        return len(self._sent)

    def sent(self, seq: int, size: int) -> None:
        self._sent.append((seq, size))
        self._bytes += size

    def acknowledge(self, seq: int) -> None:
        """Everything up to SEQ has arrived. More than was sent counts as all that was."""
        while self._sent and self._sent[0][0] <= seq:
            _seq, size = self._sent.popleft()
            self._bytes -= size


class PreviewWindow:
    def __init__(self) -> None:
        self._sent: deque[int] = deque()

    @property
    def has_room(self) -> bool:
        return len(self._sent) < PREVIEWS_AHEAD

    def sent(self, frame: int) -> None:
        self._sent.append(frame)

    def acknowledge(self, frame: int) -> None:
        """FRAME has been shown, and with it what came before. A frame never sent changes nothing."""
        if frame in self._sent:
            while self._sent.popleft() != frame:
                pass
