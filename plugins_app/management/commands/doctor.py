"""`manage.py doctor`: is everything there that the platform needs?"""

from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from plugins_app.management.commanding import FAILED, BulkheadCommand
from plugins_app.management.printing import as_json, plain
from plugins_app.services.doctor import Finding, diagnose

SIGNS: Final = {"ok": "ok", "warning": "warn", "failed": "FAIL"}


class Command(BulkheadCommand):
    help = "Check the machine and the installation; each failure comes with its mend."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *, json: bool, **_options: Any) -> None:
        findings = diagnose()
        broken = [finding.name for finding in findings if finding.state == "failed"]
        if json:
            checks = [finding.to_json() for finding in findings]
            self.stdout.write(as_json({"ok": not broken, "checks": checks}))
        else:
            self._print(findings)
        if broken:
            raise CommandError(f"Broken: {', '.join(broken)}.", returncode=FAILED)

    def _print(self, findings: Sequence[Finding]) -> None:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            message = plain(finding.message, keep_lines=False)
            self.stdout.write(f"{SIGNS[finding.state]:<4}  {finding.name:<{width}}  {message}")
            if finding.mend:
                self.stdout.write(f"{'':<{width + 6}}  → {finding.mend}")
