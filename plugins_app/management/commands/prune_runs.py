"""`manage.py prune_runs`: forgets old runs."""

from typing import Any

from django.core.management.base import CommandParser

from plugins_app.management.commanding import BulkheadCommand, operator
from plugins_app.management.printing import size
from plugins_app.services import retention
from plugins_app.services.retention import PruneReport


class Command(BulkheadCommand):
    help = "Forget runs that ended long ago. Never active runs, never the audit chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS")
        parser.add_argument(
            "--keep-last", type=int, default=0, metavar="N", help="the newest N of each plugin stay"
        )
        parser.add_argument("--plugin", metavar="NAME", help="only this plugin's runs")
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(
        self, *, older_than: int, keep_last: int, plugin: str | None, dry_run: bool, **_options: Any
    ) -> None:
        report = retention.prune_runs(
            older_than_days=older_than,
            keep_last=keep_last,
            plugin=plugin,
            dry_run=dry_run,
            actor=operator(),
        )
        self.stdout.write(_words(report))


def _words(report: PruneReport) -> str:
    act = "Would forget" if report.dry_run else "Forgot"
    return (
        f"{act} {report.runs:,} runs with {report.events:,} events and {report.artifacts:,} "
        f"artifacts ({size(report.artifact_bytes)}), and {report.uploads:,} uploads that no run "
        "names any more."
    )
