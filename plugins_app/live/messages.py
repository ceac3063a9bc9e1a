"""What the server says on a feed, and what it understands of what clients say."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from plugins_app.live.closing import BAD_ACK, NOT_JSON, Closing

PREVIEW_HEAD: Final = struct.Struct(">4sIQd")
"""`BHPV`, u32 flags, u64 frame, f64 seconds; a JPEG follows."""

PREVIEW_MAGIC: Final = b"BHPV"


class Message(NamedTuple):
    """One numbered message, encoded once for all who get it."""

    seq: int
    text: str


class Preview(NamedTuple):
    frame: int
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """One of the two is given."""

    seq: int | None = None
    preview: int | None = None


def event(*, seq: int, at: datetime, kind: str, data: Any) -> Message:
    moment = at.isoformat().replace("+00:00", "Z")
    content = {"type": "event", "seq": seq, "at": moment, "kind": kind, "data": data}
    return Message(seq, encode(content))


def encode(content: Mapping[str, Any]) -> str:
    # ASCII: a plugin's lone surrogate has no UTF-8, but it has an escape.
    return json.dumps(content, separators=(",", ":"))


def preview(content: bytes) -> Preview | None:
    """Return what a stored preview holds; None for what is not one."""
    if len(content) < PREVIEW_HEAD.size:
        return None
    magic, _flags, frame, _seconds = PREVIEW_HEAD.unpack_from(content)
    return Preview(frame, content) if magic == PREVIEW_MAGIC else None


def understand(frame: Mapping[str, Any]) -> Acknowledgement | None:
    """Return what a client's frame (an ASGI `websocket.receive`) says.

    None for a type that this server does not know: a newer client may speak of more. Raises
    Closing for what is no message at all, or an acknowledgement of nothing.
    """
    try:
        content = json.loads(frame.get("text") or "")
    except (ValueError, RecursionError):
        raise Closing(NOT_JSON) from None
    if not isinstance(content, dict):
        raise Closing(NOT_JSON)
    if content.get("type") != "ack":
        return None
    acknowledged = Acknowledgement(
        seq=_number(content.get("seq")), preview=_number(content.get("preview"))
    )
    if acknowledged == Acknowledgement():
        raise Closing(BAD_ACK)
    return acknowledged


def _number(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
