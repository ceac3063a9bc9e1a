"""HTTP under an ASGI server: Django's synchronous stack in a bounded pool of threads.

    http = HttpApplication(threads=8, largest_body=1 << 30, wait_until_final=…)
    application = ByProtocol(http=http, websocket=…)

Django's own ASGI handler gives every request a thread and a database connection of its own, without
bound. Here a request waits its turn for one of a few threads, which keep their connections.
"""

from plugins_app.serving.application import HttpApplication
from plugins_app.serving.protocols import ByProtocol

__all__ = ["ByProtocol", "HttpApplication"]
