"""One flag for every process of a cluster: stop starting, and finish what runs by a deadline.

It lives in memory that was shared before the first fork, without a lock: whoever is killed while
he looks at it holds nothing.
"""

import mmap
import struct
import time
from typing import Final

FORMAT: Final = "d"
REASON: Final = (
    "its worker is being stopped, and the time to finish is over; run it again when it is back"
)

_shared: Final = mmap.mmap(-1, struct.calcsize(FORMAT))


def begin(*, seconds: float) -> None:
    """Leave SECONDS to what runs now. The clock is the same in every process of the machine."""
    struct.pack_into(FORMAT, _shared, 0, time.monotonic() + seconds)


def reset() -> None:
    struct.pack_into(FORMAT, _shared, 0, 0.0)


def has_begun() -> bool:
    return _deadline() > 0


def should_stop() -> str | None:
    """Return why a run must end now; None while it may go on."""
    return REASON if 0 < _deadline() <= time.monotonic() else None


def _deadline() -> float:
    (deadline,) = struct.unpack_from(FORMAT, _shared, 0)
    return float(deadline)
