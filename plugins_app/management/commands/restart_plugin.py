"""`manage.py restart_plugin`: takes a FAILED or UNAVAILABLE plugin back into service."""

from typing import Any

from django.core.management.base import CommandParser

from plugins_app.management.commanding import BulkheadCommand, operator
from plugins_app.services import catalog


class Command(BulkheadCommand):
    help = "Restart a FAILED or UNAVAILABLE plugin by hand, with a reason for the history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="kept in the history")

    def handle(self, *, name: str, reason: str, **_options: Any) -> None:
        plugin = catalog.restart_plugin(name=name, actor=operator(), reason=reason)
        self.stdout.write(
            f"{plugin.name} is {plugin.state}; `manage.py plugins` shows how it goes on."
        )
