"""What must be in place before the first child starts: tables, a first user, no dead worker's runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from plugins_app.actors import PLATFORM
from plugins_app.services import catalog, founding, workers
from plugins_app.supervisor.output import Output


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """PASSWORD is the first superuser's, when this start made it: told once, then forgotten."""

    password: str | None


def prepare(output: Output) -> Prepared:
    """Bring the database up to date and register the plugins. One bad plugin stops nothing."""
    call_command("migrate", verbosity=0, interactive=False)
    password = founding.ensure_superuser(password=settings.ADMIN_PASSWORD)
    settled = workers.reap(trust_silence=False)
    if settled.runs:
        output.say(f"runs lost when the platform went down: {settled.runs}")
    _scan([settings.BUNDLED_PLUGINS, *settings.PLUGIN_PATH], output)
    # The next to use the database are other threads and processes.
    connections.close_all()
    return Prepared(password=password)


def _scan(folders: Sequence[Path], output: Output) -> None:
    for entry in catalog.scan(folders=folders, actor=PLATFORM):
        if entry.outcome != "unchanged":
            name = entry.name or entry.folder.name
            output.say(f"plugin {name}: {entry.outcome}, {entry.message}")
