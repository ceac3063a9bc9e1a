"""One application for each protocol."""

from collections.abc import Callable, Coroutine
from typing import Any

Application = Callable[..., Coroutine[Any, Any, None]]


class ByProtocol:
    """Calls the application of a scope's type at once, as `HttpApplication` needs.

    Channels' router is a coroutine: it would run only when daphne has put the body into memory.
    """

    _asgi_single_callable = True

    def __init__(self, **applications: Application) -> None:
        self._applications = applications

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Coroutine[Any, Any, None]:
        application = self._applications.get(scope["type"])
        if application is None:
            raise ValueError(f"no application for the protocol {scope['type']!r}")
        return application(scope, receive, send)
