"""A real daphne in a process of its own, and what it complained of."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import answers, free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 15


def environment(**settings: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.live.impatient",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
        "PYTHONWARNINGS": "default",
        **settings,
    }


@contextmanager
def daphne(log: Path, **settings: str) -> Iterator[str]:
    """Serve until the end of the block; yields `127.0.0.1:PORT`. Fails if anything was untoward."""
    port = free_port()
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "config.asgi:application"],
            env=environment(**settings),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(lambda: answers(port), what=f"daphne, see {log}")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
    complaints = [
        line
        for line in log.read_text().splitlines()
        if line.startswith("Traceback") or ("plugins_app" in line and "Warning" in line)
    ]
    assert not complaints, log.read_text()
