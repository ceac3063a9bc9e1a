"""Request bodies, spooled to disk when they are large."""

import os
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO, Final

IN_MEMORY: Final = 1 << 20

Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientGone(Exception):
    """The client hung up."""


async def received(receive: Receive) -> BinaryIO:
    """Collect a body that the server hands over in messages; raise ClientGone when it breaks off."""
    body: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, mode="w+b")  # noqa: SIM115
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            body.write(message.get("body", b""))
            if not message.get("more_body", False):
                body.seek(0)
                return body
    except BaseException:
        body.close()
        raise


def size_of(body: BinaryIO) -> int:
    size = body.seek(0, os.SEEK_END)
    body.seek(0)
    return size


async def until_gone(receive: Receive) -> None:
    """Return when the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass
