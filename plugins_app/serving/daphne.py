"""What daphne leaves out: bodies that stay on disk, and writers that wait for slow readers.

Daphne has Twisted spool a large body to disk, then puts all of it into a queue in memory, before the
application gets to run. And it takes all that an application sends, however slowly the client reads.
Both are cured at the request object, which daphne's `send` is bound to. Under another server there
is none, and ASGI's own ways serve.

Twisted also takes forms apart for itself, in memory (2.6 GB for an upload of 200 MB) and in the event
loop. It has a switch for that, but daphne leaves it on; hence the request class of our own.
"""

import asyncio
import functools
import io
from typing import Any, ClassVar

import daphne.server
from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from plugins_app.serving.bodies import Body


class LeanRequest(WebRequest):
    """A request whose body nobody has read, and whose headers cannot upset the server.

    What goes beyond `largest_body` is counted and dropped: the disk holds no more of it than the
    answer, which will be a refusal, needs.
    """

    largest_body: ClassVar[int]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, parsePOSTFormSubmission=False)
        self.body_size = 0

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self.body_size += len(data)
        if self.body_size <= self.largest_body:
            super().handleContentChunk(data)

    def process(self) -> Any:
        # Where the platform is mounted is for its operator to say (--root-path), not for a client.
        self.requestHeaders.removeHeader(b"daphne-root-path")
        if not self.method.isascii():
            return self.basic_error(400, b"Bad Request", "The method is not ASCII.")
        return super().process()


class LeanFactory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = LeanRequest
        return protocol


def use_lean_requests(*, largest_body: int) -> None:
    """Have the daphne of this process make its requests so. Before it begins to listen."""
    LeanRequest.largest_body = largest_body
    daphne.server.HTTPFactory = LeanFactory


def request_behind(send: Any) -> LeanRequest | None:
    """The request that SEND answers, when the server is daphne."""
    bound = send.args if isinstance(send, functools.partial) else ()
    return bound[0] if bound and isinstance(bound[0], LeanRequest) else None


def take_body(request: LeanRequest | None) -> Body | None:
    """Take the whole body away from REQUEST, to be closed by the taker.

    Only from within the call that makes the application: afterwards daphne has read it.
    """
    if request is None:
        return None
    body = Body(file=request.content, size=request.body_size)
    request.content = io.BytesIO()
    return body


@implementer(IPushProducer)
class Flow:
    """Tells when the client has read enough for more to be sent."""

    def __init__(self, request: LeanRequest | None) -> None:
        self._request = request
        self._may_send = asyncio.Event()
        self._may_send.set()

    def __enter__(self) -> "Flow":
        if self._request is not None and self._request.channel is not None:
            self._request.registerProducer(self, True)
        return self

    def __exit__(self, *_error: object) -> None:
        # With the client gone, the channel is gone too and has let go of us.
        if self._request is not None and getattr(self._request, "channel", None) is not None:
            self._request.unregisterProducer()

    async def may_send(self) -> None:
        await self._may_send.wait()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._may_send.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._may_send.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._may_send.set()
