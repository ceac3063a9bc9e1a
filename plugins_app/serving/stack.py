"""Django's synchronous stack, from scope to response, within one thread."""

from typing import Any

from django.core.handlers.asgi import ASGIRequest, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.http import FileResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from plugins_app.serving.bodies import Body

FILE_CHUNK_BYTES = 256 << 10


class SyncStack(BaseHandler):
    """Middleware, views and their connections all stay in the thread that calls."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)

    def respond(self, scope: dict[str, Any], body: Body) -> HttpResponseBase:
        """Return the response; never raises. It must be given to `close` in the end."""
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=type(self), scope=scope)
        try:
            request = ASGIRequest(scope, body.file)
        except UnicodeDecodeError:
            return HttpResponseBadRequest()
        # A chunked body has no announced length, and without one it would count as none.
        request.META["CONTENT_LENGTH"] = str(body.size)
        request.can_defer = True
        response = self.get_response(request)
        response._handler_class = type(self)  # noqa: SLF001 - as Django's own handlers do
        if isinstance(response, FileResponse):
            response.block_size = FILE_CHUNK_BYTES
        return response

    def close(self, response: HttpResponseBase, body: Body) -> None:
        """Close what the response holds, and signal the end, which looks after connections."""
        response.close()
        body.close()
