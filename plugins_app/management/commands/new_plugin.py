"""`manage.py new_plugin`: a working plugin to start from."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from plugins_app.management.commanding import FAILED, USAGE, BulkheadCommand
from plugins_app.management.scaffolding import problem_with_name, write_plugin


class Command(BulkheadCommand):
    help = "Scaffold a working plugin with a README and a test, in a new folder NAME."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument(
            "--path",
            type=Path,
            default=Path(),
            metavar="DIR",
            help="where to make the folder NAME; the current folder without it",
        )

    def handle(self, *, name: str, path: Path, **_options: Any) -> None:
        if problem := problem_with_name(name):
            raise CommandError(f"{problem}.", returncode=USAGE)
        folder = path / name
        try:
            files = write_plugin(name, folder)
        except FileExistsError:
            raise CommandError(f"{folder} exists: choose another name or --path.") from None
        except OSError as error:
            words = f"{error.filename} cannot be written: {error.strerror}."
            raise CommandError(words, returncode=FAILED) from None
        for file in files:
            self.stdout.write(str(file))
        self.stdout.write(f"\nNext: python manage.py check_plugin {folder}")
