"""`manage.py run_workers`: workers for one queue, kept going until a signal ends them."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from plugins_app.cluster.keeping import keep
from plugins_app.management.commanding import BulkheadCommand
from plugins_app.services import queue, workers


class Command(BulkheadCommand):
    help = "Run workers until SIGTERM or SIGINT, which drain them; a second one kills them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queue",
            choices=(queue.DEFAULT_QUEUE, queue.GPU_QUEUE),
            default=queue.DEFAULT_QUEUE,
            help="gpu: for plugins that require one",
        )
        parser.add_argument(
            "--workers",
            type=_at_least_one,
            default=settings.WORKERS,
            metavar="N",
            help="processes, each of which executes one run at a time; default: BULKHEAD_WORKERS",
        )

    def handle(self, **options: Any) -> None:
        workers.require_guards()
        keep(queue=options["queue"], pool_size=options["workers"])


def _at_least_one(word: str) -> int:
    number = int(word)
    if number < 1:
        raise ValueError
    return number
