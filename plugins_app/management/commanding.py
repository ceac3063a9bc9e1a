"""What every command of the platform has in common: who acts, and how a failure is told.

Exit codes: 0 done; 1 refused, failed or not as it should be; 2 the command line makes no sense;
3 waiting was given up; 130 interrupted.
"""

import getpass
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from plugins_app.actors import Actor
from plugins_app.errors import BulkheadError, Fault

FAILED: Final = 1
USAGE: Final = 2
GAVE_UP: Final = 3
INTERRUPTED: Final = 130


class BulkheadCommand(BaseCommand):
    """Tells every failure in one line, `bulkhead: …`, and exits with its code."""

    requires_system_checks: list[str] = []

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            refusal = error
        except BulkheadError as error:
            refusal = CommandError(in_one_line(error), returncode=FAILED)
        except (OperationalError, ProgrammingError) as error:
            refusal = CommandError(_about_database(error), returncode=FAILED)
        except BrokenPipeError:
            # Whoever read our output has seen enough; Python would complain at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(FAILED)
        return self._tell(refusal, with_traceback=options.get("traceback", False))

    def note(self, words: str) -> None:
        """Say something beside the output proper, and not in the colour of errors."""
        self.stderr.write(words, str)

    def _tell(self, refusal: CommandError, *, with_traceback: bool) -> None:
        if with_traceback or not self._called_from_command_line:
            raise refusal
        self.stderr.write(f"bulkhead: {refusal}")
        sys.exit(refusal.returncode)


def operator() -> Actor:
    """Whoever types at this machine, named for the history by the system's user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's uid without an entry in passwd
        name = f"uid-{os.getuid()}"
    return Actor(name=f"cli:{name}")


def in_one_line(error: BulkheadError) -> str:
    faults: Sequence[Fault] = getattr(error, "faults", ())
    places = "; ".join(f"{fault.pointer or 'it'} {fault.message}" for fault in faults)
    is_told = not places or places in error.message
    return " ".join((error.message if is_told else f"{error.message} {places}").split())


def _about_database(error: Exception) -> str:
    reason = " ".join(str(error).split())
    return (
        f"The database cannot be used ({reason}). `python manage.py migrate` makes its tables; "
        "`python manage.py doctor` looks for what else is wrong."
    )
