"""The store, asked from async code: in a few threads of its own, each with a kept connection.

Channels' `database_sync_to_async` puts every consumer of a process into one thread, where a slow
query holds all others up.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from django.db import close_old_connections

THREADS: Final = 4

P = ParamSpec("P")
T = TypeVar("T")

_pool: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="live-store")


async def ask(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(
        _pool, lambda: _on_sound_connection(question, *args, **kwargs)
    )


def _on_sound_connection(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    # Where the server restarted meanwhile, the kept connection is replaced, not used.
    close_old_connections()
    return question(*args, **kwargs)
