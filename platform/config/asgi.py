"""ASGI entry point."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

# Only after Django is set up can its models be imported.
from django.conf import settings  # noqa: E402

from plugins_app.live.routing import websocket_application  # noqa: E402
from plugins_app.live.waiting import wait_until_final  # noqa: E402
from plugins_app.serving import ByProtocol, HttpApplication  # noqa: E402

application = ByProtocol(
    http=HttpApplication(
        threads=settings.WEB_THREADS,
        # An upload and the form around it; JSON has its own, smaller limit.
        largest_body=settings.MAX_UPLOAD_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        wait_until_final=wait_until_final,
    ),
    websocket=websocket_application,
)
