"""Waiting for a run's end without a thread: what `Prefer: wait=N` needs."""

import asyncio
from uuid import UUID

from plugins_app.live import store
from plugins_app.live.hub import hub
from plugins_app.live.sources import RunEvents
from plugins_app.live.subscription import Subscription


async def wait_until_final(run_id: UUID, timeout_seconds: float) -> bool:
    """Return True once the run has ended; False when time is up, or there is no such run."""
    source = RunEvents(run_id)
    with hub.subscribed(source, queue_limit=0) as subscription:
        position = await store.ask(source.position)
        if position is None or position.status is not None:
            return position is not None
        try:
            async with asyncio.timeout(timeout_seconds):
                return await _is_ended(subscription)
        except TimeoutError:
            return False


async def _is_ended(subscription: Subscription) -> bool:
    while subscription.status is None and not subscription.is_gone:
        await subscription.changed.wait()
        subscription.changed.clear()
    return subscription.status is not None
