"""How often one caller may ask. Off with BULKHEAD_THROTTLE=off."""

import time
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`most` requests at once, refilled evenly over `seconds`."""

    most: int
    seconds: float

    @property
    def interval(self) -> float:
        return self.seconds / self.most


RATES: Final = {
    "login": Rate(most=60, seconds=60),
    "username": Rate(most=10, seconds=60),
    "general": Rate(most=6000, seconds=60),
    "run": Rate(most=1200, seconds=60),
    "upload": Rate(most=300, seconds=60),
}


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A leaky bucket (GCRA): one number in the cache, the moment at which it will be empty."""

    scope: str
    owner: str

    def take(self) -> float:
        """Take one drop and return 0, or return the seconds to wait for it."""
        if not settings.THROTTLE:
            return 0.0
        now, rate = time.time(), RATES[self.scope]
        empty_at = max(cache.get(self._key, 0.0), now) + rate.interval
        wait = empty_at - now - rate.seconds
        if wait > 0:
            return wait
        cache.set(self._key, empty_at, timeout=rate.seconds * 2)
        return 0.0

    def give_back(self) -> None:
        if not settings.THROTTLE:
            return
        empty_at = cache.get(self._key, 0.0) - RATES[self.scope].interval
        cache.set(self._key, empty_at, timeout=RATES[self.scope].seconds * 2)

    @property
    def _key(self) -> str:
        return f"throttle:{self.scope}:{self.owner}"


class ScopedThrottle(BaseThrottle):
    """Counts a caller's requests in the scope that `view.throttle_scope` names."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        scope = getattr(view, "throttle_scope", None)
        if scope is None or request.method in ("GET", "HEAD"):
            scope = "general"
        self._wait = Bucket(scope=scope, owner=self._owner(request)).take()
        return not self._wait

    def wait(self) -> float | None:
        return self._wait

    def _owner(self, request: Request) -> str:
        if request.user and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"address:{request.META.get('REMOTE_ADDR', '')}"
