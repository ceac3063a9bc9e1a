"""`manage.py run_plugin`: runs a tool as the API would, and waits for it."""

import contextlib
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from plugins_app.errors import AlreadyFinal
from plugins_app.lifecycle import RunStatus, Via
from plugins_app.management import run_arguments
from plugins_app.management.commanding import (
    FAILED,
    GAVE_UP,
    INTERRUPTED,
    BulkheadCommand,
    operator,
)
from plugins_app.management.following import (
    ProgressBar,
    Watch,
    ending_line,
    event_line,
    progress_of,
    wait_while_loading,
)
from plugins_app.management.printing import as_json, plain
from plugins_app.management.run_json import run_json
from plugins_app.models import Run, RunEvent
from plugins_app.services import runs

SECONDS_TO_DIE: Final = 10.0


class Command(BulkheadCommand):
    help = "Run a tool of a plugin and wait for it. Exit 0 only when it succeeded."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("tool", metavar="TOOL")
        parser.add_argument("--input", default="{}", metavar="JSON", help="the tool's input")
        parser.add_argument(
            "--file",
            action="append",
            default=[],
            metavar="FIELD=PATH",
            help="a file for one of the tool's file fields; may be repeated",
        )
        parser.add_argument("--follow", action="store_true", help="show progress and events")
        parser.add_argument("--json", action="store_true", help="print the run as JSON")
        parser.add_argument(
            "--wait",
            type=float,
            default=float("inf"),
            metavar="SECONDS",
            help="stop waiting after this long, exit 3; the run goes on",
        )

    def handle(self, *, name: str, tool: str, **options: Any) -> None:
        given = run_arguments.parsed_input(options["input"])
        files = run_arguments.parsed_files(options["file"])
        wait_while_loading(name, tell=self.note)
        run_arguments.check_fields(name, tool, files)
        given |= run_arguments.stored(files)
        run = runs.start_run(plugin=name, tool=tool, input=given, actor=operator(), via=Via.CLI)
        self._json, self._bar = options["json"], ProgressBar(self.stderr)
        self._say(f"run {run.pk} of {name}/{tool}")
        self._follow(run, with_events=options["follow"], patience_seconds=options["wait"])

    def _follow(self, run: Run, *, with_events: bool, patience_seconds: float) -> None:
        watch = Watch(
            run=run,
            tell=lambda words: self._bar.above(lambda: self.note(words)),
            on_event=(lambda event: self._show(event, run)) if with_events else None,
        )
        try:
            has_ended = watch.until_end(patience_seconds=patience_seconds)
        except KeyboardInterrupt:
            self._cancel(run, watch)
            return
        self._bar.clear()
        if not has_ended:
            raise CommandError(f"The run is {run.status} and goes on: {run.pk}", returncode=GAVE_UP)
        self._print(run)
        if run.status != RunStatus.SUCCEEDED:
            said = plain(run.error_message, keep_lines=False)
            raise CommandError(f"The run {run.status}. {said}".strip(), returncode=FAILED)

    def _show(self, event: RunEvent, run: Run) -> None:
        progress = progress_of(event)
        if progress is not None:
            self._bar.show(*progress)
        if progress is None or not self.stderr.isatty():
            self._bar.above(lambda: self._say(event_line(event, run=run)))

    def _cancel(self, run: Run, watch: Watch) -> None:
        self._bar.clear()
        self.note("Interrupted: cancelling the run …")
        # A run that was faster than the interrupt has ended with what it ended with.
        with contextlib.suppress(AlreadyFinal):
            runs.cancel_run(run=run, actor=operator(), reason="interrupted at the terminal")
        watch.until_end(patience_seconds=SECONDS_TO_DIE)
        self._bar.clear()
        self._print(run)
        raise CommandError(f"The run is {run.status}: {run.pk}", returncode=INTERRUPTED)

    def _print(self, run: Run) -> None:
        if self._json:
            self.stdout.write(as_json(run_json(run)))
            return
        self.stdout.write(ending_line(run))
        if run.status == RunStatus.SUCCEEDED:
            self.stdout.write(plain(as_json(run.result)))

    def _say(self, words: str) -> None:
        # With --json, standard output holds the run and nothing else.
        if self._json:
            self.note(words)
        else:
            self.stdout.write(words)
