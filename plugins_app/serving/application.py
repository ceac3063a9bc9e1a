"""The ASGI application for HTTP."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from plugins_app.serving.bodies import Body, ClientGone, Receive, received, until_gone
from plugins_app.serving.daphne import Flow, request_behind, take_body, use_lean_requests
from plugins_app.serving.liveness import answer_liveness, asks_for_life
from plugins_app.serving.messages import body_message, last_message, start_message
from plugins_app.serving.stack import SyncStack

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]
WaitUntilFinal = Callable[[UUID, float], Awaitable[bool]]
P = ParamSpec("P")
T = TypeVar("T")


class HttpApplication:
    """Answers HTTP by Django in THREADS threads; what comes beyond them waits in order.

    No more than LARGEST_BODY bytes of a request are kept. A response may carry a continuation,
    `deferred` with `run_id`, `seconds` and `finish`: then WAIT_UNTIL_FINAL is awaited without a
    thread, and `finish` completes the response in one.
    """

    def __init__(
        self, *, threads: int, largest_body: int, wait_until_final: WaitUntilFinal
    ) -> None:
        use_lean_requests(largest_body=largest_body)
        self._largest_body = largest_body
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="http")
        self._wait_until_final = wait_until_final
        self._stack = SyncStack()

    def __call__(
        self, scope: dict[str, Any], receive: Receive, send: Send
    ) -> Coroutine[Any, Any, None]:
        # Not `async`: daphne's body can only be taken before this returns.
        request = request_behind(send)
        return self._serve(scope, receive, send, take_body(request), Flow(request))

    async def _serve(
        self, scope: dict[str, Any], receive: Receive, send: Send, body: Body | None, flow: Flow
    ) -> None:
        if asks_for_life(scope):
            if body is not None:
                body.close()
            await answer_liveness(scope, send)
            return
        with suppress(ClientGone):
            await self._answer(scope, receive, send, body or await self._received(receive), flow)

    async def _received(self, receive: Receive) -> Body:
        return await received(receive, largest=self._largest_body)

    async def _answer(
        self, scope: dict[str, Any], receive: Receive, send: Send, body: Body, flow: Flow
    ) -> None:
        gone = asyncio.ensure_future(until_gone(receive))
        working = asyncio.ensure_future(self._respond(scope, body, send, flow))
        try:
            await asyncio.wait({gone, working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, working):
                if not task.done():
                    task.cancel()
            await asyncio.gather(gone, working, return_exceptions=True)
        if not working.cancelled():
            working.result()

    async def _respond(self, scope: dict[str, Any], body: Body, send: Send, flow: Flow) -> None:
        response = await self._response(scope, body)
        try:
            await self._await_end(response)
            await self._send(response, send, flow)
        finally:
            # Shielded: files are closed and the end is signalled also when the client has gone.
            await asyncio.shield(self._in_thread(self._stack.close, response, body))

    async def _response(self, scope: dict[str, Any], body: Body) -> HttpResponseBase:
        job = self._pool.submit(self._stack.respond, scope, body)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            # The client has gone. A request that still waits its turn is dropped; one that is
            # being answered cannot be stopped, so its response is closed when it is there.
            if job.cancelled() or job.cancel():
                body.close()
            else:
                job.add_done_callback(
                    lambda done: self._pool.submit(self._stack.close, done.result(), body)
                )
            raise

    async def _await_end(self, response: HttpResponseBase) -> None:
        deferred = getattr(response, "deferred", None)
        if deferred is None:
            return
        await self._wait_until_final(deferred.run_id, deferred.seconds)
        try:
            await self._in_thread(deferred.finish)
        except Exception:  # the run is accepted all the same, as the response says already
            logger.exception("a waiting response was not completed")

    async def _send(self, response: HttpResponseBase, send: Send, flow: Flow) -> None:
        await send(start_message(response))
        if isinstance(response, HttpResponse):
            await send(body_message(response.content, more=False))
            return
        with flow:
            chunks = iter(response)
            while chunk := await self._next(chunks):
                await flow.may_send()
                await send(body_message(chunk, more=True))
        await send(last_message())

    async def _next(self, chunks: Any) -> bytes:
        reading = self._in_thread(_next_bytes, chunks)
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            # What a thread is reading from cannot be closed under it.
            await asyncio.wait({reading})
            raise

    def _in_thread(
        self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))


def _next_bytes(chunks: Any) -> bytes:
    """The next chunk; empty at the end, for an empty one in between is skipped."""
    for chunk in chunks:
        if chunk:
            return chunk
    return b""
