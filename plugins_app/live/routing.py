"""The feeds' addresses."""

from channels.routing import URLRouter
from django.urls import path, re_path

from plugins_app.live.consumers import no_feed, plugin_feed, run_feed

websocket_application = URLRouter(
    [
        path("ws/runs/<str:run_id>/", run_feed),
        path("ws/plugins/", plugin_feed),
        re_path(r"", no_feed),
    ]
)
