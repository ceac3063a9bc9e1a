"""`manage.py plugins`: every plugin in whatever state."""

from typing import Any

from django.core.management.base import CommandParser

from plugins_app import registry
from plugins_app.management.commanding import BulkheadCommand
from plugins_app.management.printing import as_json, table
from plugins_app.registry import PluginSnapshot


class Command(BulkheadCommand):
    help = "List every plugin: name, version, state, reason."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON array")

    def handle(self, *, json: bool, **_options: Any) -> None:
        plugins = registry.all()
        if json:
            self.stdout.write(as_json([_as_json(plugin) for plugin in plugins]))
        elif not plugins:
            self.stdout.write("No plugin is registered. `manage.py scan_plugins` looks for some.")
        else:
            for line in table(("NAME", "VERSION", "STATE", "REASON"), list(map(_row, plugins))):
                self.stdout.write(line)


def _row(plugin: PluginSnapshot) -> tuple[str, str, str, str]:
    state = plugin.state if plugin.enabled else f"{plugin.state}, disabled"
    return plugin.name, plugin.version, state, plugin.reason


def _as_json(plugin: PluginSnapshot) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "state": plugin.state,
        "reason": plugin.reason,
        "enabled": plugin.enabled,
        "since": plugin.since,
        "tools": [tool["name"] for tool in plugin.tools],
    }
