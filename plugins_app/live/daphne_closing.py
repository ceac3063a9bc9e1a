"""Daphne as it comes can close with 1000 and 3000 to 4999 only, and drops the reason.

Asked for 1013 ("try again later"), Autobahn refuses and the client gets 1011. RFC 6455 (7.4.1) and
the IANA registry let a server use 1003, 1008 and 1013 as well; a close frame can carry them.
"""

from typing import Any, Final

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

LONGEST_REASON_BYTES: Final = 123


class ClosingProtocol(WebSocketProtocol):
    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close" and self.state == self.STATE_OPEN:
            reason = message.get("reason", "").encode()[:LONGEST_REASON_BYTES]
            self.sendCloseFrame(
                code=message.get("code", 1000), reasonUtf8=reason or None, isReply=False
            )
        else:
            super().handle_reply(message)


def teach_daphne() -> None:
    """Have connections from now on closed with the code and reason that were asked for."""
    WebSocketFactory.protocol = ClosingProtocol
