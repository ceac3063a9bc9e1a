"""`manage.py check_plugin`: would this folder work as a plugin here?"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from plugins_app.management.commanding import FAILED, USAGE, BulkheadCommand
from plugins_app.management.printing import as_json, plain, seconds
from plugins_app.services.checking import Check, Problem, check_plugin


class Command(BulkheadCommand):
    help = "Load, initialise and validate a plugin in the sandbox, without registering it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *, folder: Path, json: bool, **_options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder.", returncode=USAGE)
        check = check_plugin(folder=folder)
        if json:
            self.stdout.write(as_json(_as_json(check)))
        else:
            self._print(check)
        if not check.ok:
            name = check.name or folder.name
            count = len(check.problems)
            words = f"{name} has {count} problem{'s' if count != 1 else ''}"
            raise CommandError(f"{words}: it would not go into service here.", returncode=FAILED)

    def _print(self, check: Check) -> None:
        self.stdout.write(f"{check.name or '(no name)'} {check.version or ''}".rstrip())
        self.stdout.write(f"  {check.folder}")
        for tool in check.tools:
            self.stdout.write(f"\n{tool.name}: {tool.title}{' (streams)' if tool.streams else ''}")
            if tool.description:
                self._write_indented(tool.description)
            self._write_indented(f"input  {as_json(tool.input_schema)}")
            self._write_indented(f"output {as_json(tool.output_schema)}")
        for problem in check.problems:
            self._print_problem(problem)
        if check.ok:
            self.stdout.write(f"\nReady: init() and validate() took {seconds(check.wall_seconds)}.")

    def _print_problem(self, problem: Problem) -> None:
        self.stdout.write(f"\nProblem ({problem.code})")
        self._write_indented(problem.message)
        if problem.traceback:
            self._write_indented(problem.traceback)

    def _write_indented(self, text: str) -> None:
        for line in plain(text).splitlines():
            self.stdout.write(f"  {line}")


def _as_json(check: Check) -> dict[str, Any]:
    return {"ok": check.ok} | asdict(check)
