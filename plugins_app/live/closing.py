"""Why a feed is closed. The codes are part of the outside contract; see docs/live-feeds.md."""

from typing import Final, NamedTuple


class Reason(NamedTuple):
    code: int
    text: str


class Closing(Exception):
    """The connection is to be closed for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


class ClientLeft(Exception):
    """Nobody is there any more."""


RUN_ENDED: Final = Reason(1000, "the run has ended")
NOT_JSON: Final = Reason(1003, "clients send JSON objects as text, such as an ack")
BAD_ACK: Final = Reason(1008, "an ack names a seq or a preview: a whole number")
TOO_SLOW: Final = Reason(1013, "no ack in time: come back with `after`")
STORE_AWAY: Final = Reason(1013, "the database does not answer: come back with `after`")
BAD_AFTER: Final = Reason(4400, "`after` is a whole number from 0 on")
NOT_LOGGED_IN: Final = Reason(4401, "log in, or show a valid token or a fresh ticket")
FORBIDDEN: Final = Reason(4403, "ask an administrator for a role that may see this")
UNKNOWN: Final = Reason(4404, "there is no such feed")
PRUNED: Final = Reason(4404, "the run is no longer kept")
