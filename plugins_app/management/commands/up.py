"""`manage.py up`: the platform, from nothing to a running one, until Ctrl-C."""

import argparse
import asyncio
import sys
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from plugins_app.management.commanding import INTERRUPTED, BulkheadCommand
from plugins_app.supervisor import address, lock, output, preparing
from plugins_app.supervisor.refusals import StartRefused
from plugins_app.supervisor.supervisor import Supervisor

LAST_PORT: Final = 65535


class Command(BulkheadCommand):
    help = "Start the web server and the workers; Ctrl-C or SIGTERM drains and stops everything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=_port, default=8000, help="0: any free one")
        parser.add_argument(
            "--no-samples",
            dest="samples",
            action="store_false",
            help="do not draw the sample video",
        )

    def handle(self, **options: Any) -> None:
        try:
            with lock.locked(settings.DATA_DIR):
                self._run(address.listen(options["host"], options["port"]), options["samples"])
        except StartRefused as refusal:
            raise CommandError(str(refusal)) from None
        except KeyboardInterrupt:
            # Before there was anything to drain.
            sys.exit(INTERRUPTED)

    def _run(self, listener: Any, with_samples: bool) -> None:
        printed = output.standard()
        with listener:
            prepared = preparing.prepare(printed)
            supervisor = Supervisor(
                listener=listener,
                sample=settings.SAMPLE_VIDEO if with_samples else None,
                output=printed,
            )
            asyncio.run(supervisor.run(password=prepared.password))


def _port(text: str) -> int:
    # The system would take a larger number and listen on quite another port.
    if not (text.isascii() and text.isdigit() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number up to {LAST_PORT}")
    return int(text)
