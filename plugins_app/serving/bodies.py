"""Request bodies, spooled to disk when they are large."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

IN_MEMORY: Final = 1 << 20

Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Body:
    """`size` is what the client sent; `file` holds it, up to the largest that anyone would take."""

    file: BinaryIO
    size: int

    def close(self) -> None:
        self.file.close()


class ClientGone(Exception):
    """The client hung up."""


async def received(receive: Receive, *, largest: int) -> Body:
    """Collect a body that the server hands over in messages; raise ClientGone when it breaks off."""
    body: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, mode="w+b")  # noqa: SIM115
    size = 0
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= largest:
                body.write(chunk)
            if not message.get("more_body", False):
                body.seek(0)
                return Body(file=body, size=size)
    except BaseException:
        body.close()
        raise


async def until_gone(receive: Receive) -> None:
    """Return when the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass
