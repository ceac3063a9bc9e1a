"""`manage.py verify_audit`: walks the audit chain."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from plugins_app.management.commanding import FAILED, BulkheadCommand
from plugins_app.management.printing import as_json
from plugins_app.services import audit


class Command(BulkheadCommand):
    help = "Verify the audit chain; exit 1 and name the first broken entry when tampered with."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *, json: bool, **_options: Any) -> None:
        found = audit.verify()
        if json:
            self.stdout.write(as_json(asdict(found)))
        elif found.ok:
            self.stdout.write(f"The audit chain is whole: {found.entries:,} entries.")
            self.stdout.write(f"Its head is {found.head}; keep a copy elsewhere to compare.")
        if not found.ok:
            raise CommandError(
                f"The audit chain is broken at entry {found.first_broken}: {found.problem}. "
                "Compare with a backup from before; what follows that entry proves nothing.",
                returncode=FAILED,
            )
