"""Whether the children do their work, asked from outside as a user would."""

import asyncio
import http.client
import time
from typing import Final
from urllib.parse import urlsplit

from django.db import Error, connection

from plugins_app.services import queue

ASK_EVERY_SECONDS: Final = 0.1
ANSWER_SECONDS: Final = 2.0


async def wait_until_up(url: str, *, seconds: float) -> list[str]:
    """Wait until the web server and a worker answer; return what does not after SECONDS."""
    give_up = time.monotonic() + seconds
    while missing := await asyncio.to_thread(_missing, url):
        if time.monotonic() > give_up:
            break
        await asyncio.sleep(ASK_EVERY_SECONDS)
    return missing


def _missing(url: str) -> list[str]:
    looks = {"the web server": _web_answers, "the workers": _worker_lives}
    return [name for name, answers in looks.items() if not answers(url)]


def _web_answers(url: str) -> bool:
    address = urlsplit(url)
    line = http.client.HTTPConnection(address.netloc, timeout=ANSWER_SECONDS)
    try:
        line.request("GET", "/api/v1/health/live/")
        return line.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def _worker_lives(_url: str) -> bool:
    try:
        return queue.is_served(queue.DEFAULT_QUEUE)
    except Error:
        return False
    finally:
        connection.close()
