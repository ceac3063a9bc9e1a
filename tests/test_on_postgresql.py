"""What databases disagree about - NULs, sizes, locks, races: the same tests, on a real PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import Server

HERE = Path(__file__).parent

SUITES = (
    "services/test_audit.py",
    "services/test_concurrency.py",
    "services/test_execution.py",
    "api/test_events_and_artifacts.py",
    "api/test_hostile_input.py",
    "api/test_idempotency.py",
)


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_on_postgresql(postgres_server: Server, suite: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / suite)]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "BULKHEAD_"))
    }
    done = subprocess.run(
        command,
        env=environment | {"DATABASE_URL": postgres_server.url},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
