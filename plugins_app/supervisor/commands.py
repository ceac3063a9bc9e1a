"""The children's command lines."""

import os
import sys
from pathlib import Path

from django.conf import settings

from plugins_app.supervisor.child import Command

MANAGE = settings.BASE_DIR / "manage.py"


def web(descriptor: int) -> Command:
    """Serve on the listening socket DESCRIPTOR, which outlives this child."""
    words = (sys.executable, "-P", "-m", "daphne", "--fd", str(descriptor), "--verbosity", "0")
    closing = ("--application-close-timeout", "2", "--no-server-name")
    return Command(
        name="web",
        words=(*words, *closing, "config.asgi:application"),
        environment=_environment(),
        descriptors=(descriptor,),
    )


def workers(queue: str) -> Command:
    name = "workers" if queue == "default" else queue
    words = (sys.executable, str(MANAGE), "run_workers", "--queue", queue)
    return Command(name=name, words=words, environment=_environment())


def sample(path: Path) -> Command:
    words = (sys.executable, "-P", "-m", "plugins_app.supervisor.sample", str(path))
    return Command(name="sample", words=words, environment=_environment(), once=True)


def _environment() -> dict[str, str]:
    paths = os.pathsep.join((str(settings.BASE_DIR), str(settings.BASE_DIR / "platform")))
    return os.environ | {
        "BULKHEAD_DATA_DIR": str(settings.DATA_DIR),
        "PYTHONPATH": paths,
        "PYTHONUNBUFFERED": "1",
    }
