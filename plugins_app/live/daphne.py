"""What daphne leaves out: closing with any code, and a bound on what clients send.

Its own way of closing knows 1000 and 3000 to 4999 only, and drops the reason: asked for 1013 ("try
again later"), Autobahn refuses, and the client gets 1011. RFC 6455 (7.4.1) and IANA's registry let a
server use 1003, 1008 and 1013 as well, and a close frame can carry them. Both are cured at the
protocol that daphne's `send` is bound to; under another server there is none, and ASGI's way serves.
"""

import functools
from typing import Any, Final

from daphne.ws_protocol import WebSocketProtocol

from plugins_app.live.closing import Reason

LARGEST_MESSAGE_BYTES: Final = 64 << 10
"""An acknowledgement has some 30. More closes with 1009 before it is in memory."""


async def accept(send: Any) -> None:
    protocol = _protocol_behind(send)
    if protocol is not None:
        protocol.maxFramePayloadSize = LARGEST_MESSAGE_BYTES
        protocol.maxMessagePayloadSize = LARGEST_MESSAGE_BYTES
        protocol.failByDrop = False  # so that the client is told why
    await send({"type": "websocket.accept"})


async def hang_up(send: Any, reason: Reason) -> None:
    protocol = _protocol_behind(send)
    if protocol is None:
        await send({"type": "websocket.close", "code": reason.code, "reason": reason.text})
    elif protocol.state == WebSocketProtocol.STATE_OPEN:
        protocol.sendCloseFrame(code=reason.code, reasonUtf8=reason.text.encode(), isReply=False)


def _protocol_behind(send: Any) -> WebSocketProtocol | None:
    bound = send.args if isinstance(send, functools.partial) else ()
    return bound[0] if bound and isinstance(bound[0], WebSocketProtocol) else None
