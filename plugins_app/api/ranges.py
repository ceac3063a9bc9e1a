"""One byte range of a file (RFC 9110, 14). Of several, which no client of ours needs, none is taken."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

CHUNK_BYTES: Final = 256 << 10
ONE_RANGE: Final = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)
MOST_DIGITS: Final = 19


class NotSatisfiable(Exception):
    """The file has nothing in that range."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """Bytes from `start` to `stop`, which is not included."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start


def asked_for(header: str, *, size: int) -> Range | None:
    """Return the range that HEADER asks of SIZE bytes; None when it is to be ignored."""
    found = ONE_RANGE.fullmatch(header.strip())
    if found is None or not any(found.groups()) or max(map(len, found.groups())) > MOST_DIGITS:
        return None
    first, last = found.groups()
    if not first:
        return _suffix(int(last), size)
    start, stop = int(first), int(last) + 1 if last else size
    if stop <= start and last:
        return None
    if start >= size:
        raise NotSatisfiable
    return Range(start=start, stop=min(stop, size))


def _suffix(length: int, size: int) -> Range:
    if not length or not size:
        raise NotSatisfiable
    return Range(start=max(0, size - length), stop=size)


def chunks(content: BinaryIO, part: Range) -> Iterator[bytes]:
    """Read PART of CONTENT, then close it; it is closed too when the reader gives up."""
    try:
        content.seek(part.start)
        left = part.size
        while left and (chunk := content.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
    finally:
        content.close()
