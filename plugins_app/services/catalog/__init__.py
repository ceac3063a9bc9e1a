"""The plugins: found on disk, loaded on a worker, operated by people."""

from plugins_app.services.catalog.loading import (
    load_plugin,
    lose_load,
    reload_upgraded,
    request_waiting_loads,
)
from plugins_app.services.catalog.operating import (
    configure_plugin,
    reload_plugin,
    restart_plugin,
)
from plugins_app.services.catalog.scanning import ScanEntry, scan

__all__ = [
    "ScanEntry",
    "configure_plugin",
    "load_plugin",
    "lose_load",
    "reload_plugin",
    "reload_upgraded",
    "request_waiting_loads",
    "restart_plugin",
    "scan",
]
