"""`Prefer: wait=N` (RFC 7240): answer when the run has ended, or after N seconds.

Under our ASGI handler nobody holds a thread meanwhile: the response leaves the thread with a
continuation on it, and is finished in a thread again later. Elsewhere the request's own thread waits.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from plugins_app.lifecycle import RunStatus
from plugins_app.models import Run

LONGEST_WAIT: Final = 60
POLL_SECONDS: Final = 0.05
WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """What is left to do: wait for RUN_ID, at most SECONDS, then call `finish` in a thread."""

    run_id: UUID
    seconds: float
    finish: Callable[[], None]


def seconds_to_wait(request: Request) -> int:
    """The N of `Prefer: wait=N`, at most 60; 0 without one. What makes no sense is ignored."""
    found = WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), LONGEST_WAIT) if found else 0


def when_final(
    request: Request, response: HttpResponse, *, run_id: UUID, finish: Callable[[], None]
) -> HttpResponse:
    """Have FINISH, which completes RESPONSE, called once the run has ended or the time is up."""
    seconds = seconds_to_wait(request)
    if not seconds:
        return response
    response["Preference-Applied"] = f"wait={seconds}"
    if getattr(request._request, "can_defer", False):  # noqa: SLF001 - DRF's own way to it
        response.deferred = Deferred(run_id=run_id, seconds=seconds, finish=finish)
    else:
        _wait(run_id, seconds)
        finish()
    return response


def _wait(run_id: UUID, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _is_final(run_id) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _is_final(run_id: UUID) -> bool:
    status = Run.objects.filter(pk=run_id).values_list("status", flat=True).first()
    return status is None or RunStatus(status).is_final
