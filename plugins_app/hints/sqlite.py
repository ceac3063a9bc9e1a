"""SQLite rings by itself: `PRAGMA data_version` moves with every commit of another connection.

Looked at every 5 ms, that costs 2 % of a core (https://sqlite.org/pragma.html#pragma_data_version).
"""

import sqlite3
import time
from typing import Final

from plugins_app.hints.doorbell import Doorbell

LOOK_EVERY_SECONDS: Final = 0.005


class SqliteDoorbell(Doorbell):
    """Watches the database file through a connection of its own."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._watcher = sqlite3.connect(path, uri=path.startswith("file:"), isolation_level=None)
        self._seen = self._version()

    def release(self) -> None:
        self._watcher.close()

    def _wait_a_slice(self, seconds: float) -> bool:
        give_up = time.monotonic() + seconds
        while (version := self._version()) == self._seen:
            if (left := give_up - time.monotonic()) <= 0:
                return False
            time.sleep(min(LOOK_EVERY_SECONDS, left))
        self._seen = version
        return True

    def _version(self) -> int:
        (version,) = self._watcher.execute("PRAGMA data_version").fetchone()
        return int(version)
