"""Writing what must not be lost, through a database that is away for a while."""

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# A worker that cannot reach the database for longer is declared gone by those who can.
PATIENCE_SECONDS: Final = 60.0
LONGEST_PAUSE_SECONDS: Final = 2.0


def insist(act: Callable[[], Answer], *, patience_seconds: float = PATIENCE_SECONDS) -> Answer:
    """Return what ACT returns, repeating it while the database is away; it must be repeatable.

    Raises what the database raised when PATIENCE is over.
    """
    give_up = time.monotonic() + patience_seconds
    pause = 0.05
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() + pause > give_up:
                raise
            logger.warning(
                "the database is away (%s): trying again",
                str(error).strip(),
                extra={"action": "database_away"},
            )
            connection.close()
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
