"""`manage.py scan_plugins`: registers or upgrades every plugin found."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from plugins_app.management.commanding import USAGE, BulkheadCommand, operator
from plugins_app.management.printing import table
from plugins_app.services import catalog, queue


class Command(BulkheadCommand):
    help = "Register or upgrade every plugin found; one bad plugin never stops the rest."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--path",
            type=Path,
            action="append",
            metavar="DIR",
            help="a plugin or a folder of plugins; may be repeated. Without it: the bundled "
            "plugins and BULKHEAD_PLUGIN_PATH",
        )

    def handle(self, *, path: list[Path] | None, **_options: Any) -> None:
        folders = path or [settings.BUNDLED_PLUGINS, *settings.PLUGIN_PATH]
        for folder in folders:
            if not folder.is_dir():
                raise CommandError(
                    f"{folder} is no folder. Name one with --path.", returncode=USAGE
                )
        entries = catalog.scan(folders=folders, actor=operator())
        if not entries:
            self.stdout.write("No folder with a plugin.toml was found.")
            return
        rows = [
            (entry.name or entry.folder.name, entry.outcome, entry.message) for entry in entries
        ]
        for line in table(("NAME", "OUTCOME", "DETAIL"), rows):
            self.stdout.write(line)
        self._say_when_they_load(any(outcome != "unchanged" for _, outcome, _ in rows))

    def _say_when_they_load(self, is_news: bool) -> None:
        if is_news and not queue.is_served(queue.DEFAULT_QUEUE):
            self.note("No worker is running: they are loaded when `manage.py up` starts one.")
