"""Frames between the guarded child and its runner: JSON, and packed previews; never pickle.

A frame is a big-endian header (u32 payload length, u8 kind) and its payload. Both ends use this
module, and it is the one place where text that leaves a child is cleaned: NUL characters and lone
surrogates become U+FFFD, NaN and the infinities become null. So whatever a plugin emits can be
stored in any database and sent to any browser.

What breaks the rules raises ProtocolError. Only the sender can be at fault for that.
"""

import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

HEADER: Final = struct.Struct(">IB")
PREVIEW_HEADER: Final = struct.Struct(">4sIQd")
PREVIEW_MAGIC: Final = b"BHPV"
MAX_DEPTH: Final = 100
LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class FrameKind(IntEnum):
    JSON = 1
    PREVIEW = 2


class ProtocolError(Exception):
    """The stream of frames broke its rules."""


class FrameTooLarge(ValueError):
    """A frame is over its limit; raised before anything is sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    kind: FrameKind
    payload: bytes

    def message(self) -> dict[str, Any]:
        """Return the cleaned JSON object, else raise ProtocolError."""
        if self.kind is not FrameKind.JSON:
            raise ProtocolError(f"expected a JSON frame, got {self.kind.name}")
        return decode(self.payload)


def encode(message: Mapping[str, Any], *, limit: int) -> bytes:
    """Return MESSAGE as one frame of at most LIMIT payload bytes."""
    # surrogatepass: a lone surrogate leaves as bytes that are no UTF-8; the reader replaces them.
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return pack(FrameKind.JSON, text.encode("utf-8", "surrogatepass"), limit=limit)


def pack_preview(jpeg: bytes, *, frame: int, time: float, limit: int) -> bytes:
    """Return a preview frame: `BHPV`, u32 flags, u64 frame number, f64 seconds, then the JPEG."""
    header = PREVIEW_HEADER.pack(PREVIEW_MAGIC, 0, frame, time)
    return pack(FrameKind.PREVIEW, header + jpeg, limit=limit)


def pack(kind: FrameKind, payload: bytes, *, limit: int) -> bytes:
    if len(payload) > limit:
        raise FrameTooLarge(f"{len(payload):,} bytes is over the limit of {limit:,} bytes a frame")
    return HEADER.pack(len(payload), kind) + payload


def decode(payload: bytes) -> dict[str, Any]:
    """Return the JSON object in PAYLOAD, its text and numbers cleaned, or raise ProtocolError."""
    try:
        text = _decoded_text(payload)
        message = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a frame is no JSON: {error}") from None
    if not isinstance(message, dict):
        raise ProtocolError(f"a frame holds a JSON {type(message).__name__}, not an object")
    # What is left to clean hides in escapes: most frames have none and need no walk.
    shallow = text.count("[") + text.count("{") < MAX_DEPTH
    return message if shallow and "\\u" not in text else _cleaned(message, depth=0)


def _decoded_text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return LONE_SURROGATE.sub(REPLACEMENT, payload.decode("utf-8", "surrogatepass"))


def _no_number(_name: str) -> None:
    return None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if number - number == 0 else None


def _cleaned(value: Any, *, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ProtocolError(f"a frame is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_cleaned(item, depth=depth + 1) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): _cleaned(item, depth=depth + 1) for key, item in value.items()}
    return value


def clean_text(text: str) -> str:
    """Return TEXT with U+FFFD for every NUL and lone surrogate."""
    return UNSTORABLE.sub(REPLACEMENT, text)


class FrameReader:
    """Cuts a byte stream into frames. Feed it what came; it keeps what is not yet whole."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield every frame that DATA completes; raise ProtocolError on a header that lies."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    @property
    def has_half_a_frame(self) -> bool:
        return bool(self._buffer)

    def _next(self) -> Frame | None:
        if len(self._buffer) < HEADER.size:
            return None
        length, number = HEADER.unpack_from(self._buffer)
        kind = _frame_kind(number)
        if length > self._limit:
            raise ProtocolError(f"a frame says {length:,} bytes; the limit is {self._limit:,}")
        end = HEADER.size + length
        if len(self._buffer) < end:
            return None
        payload = bytes(self._buffer[HEADER.size : end])
        del self._buffer[:end]
        return Frame(kind=kind, payload=payload)


def _frame_kind(number: int) -> FrameKind:
    try:
        return FrameKind(number)
    except ValueError:
        raise ProtocolError(f"a frame has the unknown kind {number}") from None
