"""The two feeds as ASGI applications.

Not Channels' consumers: those take a hop to another thread for every message of every client.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

from django.db import Error

from plugins_app.live import messages, store
from plugins_app.live.auth import Credentials, Visitor, recognise
from plugins_app.live.closing import (
    BAD_AFTER,
    FORBIDDEN,
    NOT_LOGGED_IN,
    STORE_AWAY,
    UNKNOWN,
    ClientLeft,
    Closing,
)
from plugins_app.live.daphne import accept, hang_up
from plugins_app.live.feed import Feed, Send
from plugins_app.live.hub import hub
from plugins_app.live.sources import RunEvents, Source, Transitions
from plugins_app.live.subscription import Subscription

logger = logging.getLogger(__name__)

SEQ: Final = re.compile(r"[0-9]{1,18}")  # what the database's 64 bits can hold

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]


async def run_feed(scope: Scope, receive: Receive, send: Send) -> None:
    """`/ws/runs/{id}/`: every event of a run, then its end."""
    await _serve(scope, receive, send, _run_source)


async def plugin_feed(scope: Scope, receive: Receive, send: Send) -> None:
    """`/ws/plugins/`: every transition of every plugin, for as long as the client stays."""
    await _serve(scope, receive, send, lambda _scope: Transitions())


async def no_feed(scope: Scope, receive: Receive, send: Send) -> None:
    """Any other address."""
    await _serve(scope, receive, send, _no_source)


def _run_source(scope: Scope) -> RunEvents:
    try:
        return RunEvents(UUID(scope["url_route"]["kwargs"]["run_id"]))
    except ValueError:
        raise Closing(UNKNOWN) from None


def _no_source(_scope: Scope) -> Source:
    raise Closing(UNKNOWN)


async def _serve(
    scope: Scope, receive: Receive, send: Send, source_of: Callable[[Scope], Source]
) -> None:
    await receive()
    # Accepted whatever follows: a browser learns the code of a close only after that.
    await accept(send)
    try:
        await _converse(scope, receive, send, source_of)
    except Closing as closing:
        await hang_up(send, closing.reason)
    except ClientLeft:
        logger.debug("a client left its feed")


async def _converse(
    scope: Scope, receive: Receive, send: Send, source_of: Callable[[Scope], Source]
) -> None:
    try:
        visitor = await _admit(scope)
        source = source_of(scope)
        if not await store.ask(visitor.user.has_perm, source.permission):
            raise Closing(FORBIDDEN)
        with hub.subscribed(source) as news:
            feed = await _open(scope, send, source, visitor, news)
            await _first_to_end(feed.run(), _listen(receive, feed))
    except Error as error:
        logger.warning("a feed was closed: %s", error, extra={"action": "live_store_lost"})
        raise Closing(STORE_AWAY) from error


async def _admit(scope: Scope) -> Visitor:
    visitor = await store.ask(recognise, Credentials.of(scope))
    if visitor is None:
        raise Closing(NOT_LOGGED_IN)
    return visitor


async def _open(
    scope: Scope, send: Send, source: Source, visitor: Visitor, news: Subscription
) -> Feed:
    """Say hello, and return the feed that goes on from there."""
    position = await store.ask(source.position)
    if position is None:
        raise Closing(UNKNOWN)
    cursor = _after(scope, otherwise=0 if source.is_whole else position.last_seq)
    news.learn(position)
    hello = {"type": "hello", **source.hello(), "last_seq": position.last_seq}
    await send({"type": "websocket.send", "text": messages.encode(hello)})
    return Feed(source=source, visitor=visitor, news=news, cursor=cursor, send=send)


def _after(scope: Scope, *, otherwise: int) -> int:
    query = parse_qs(scope.get("query_string", b"").decode("latin1"), keep_blank_values=True)
    if "after" not in query:
        return otherwise
    if not SEQ.fullmatch(query["after"][-1]):
        raise Closing(BAD_AFTER)
    return int(query["after"][-1])


async def _listen(receive: Receive, feed: Feed) -> None:
    while True:
        frame = await receive()
        if frame["type"] == "websocket.disconnect":
            raise ClientLeft
        acknowledgement = messages.understand(frame)
        if acknowledgement is not None:
            feed.hear(acknowledgement)


async def _first_to_end(*endless: Coroutine[Any, Any, None]) -> None:
    """Run both until one raises, which is how each of them ends; raise that."""
    tasks = [asyncio.ensure_future(one) for one in endless]
    try:
        done, _others = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
