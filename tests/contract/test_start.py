"""What stops a start: each with a line that names what makes no sense."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT


def start(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=os.environ | {"BULKHEAD_DATA_DIR": str(folder)} | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://somewhere/else"),
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "sqlite://"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "redis://localhost:port/0"),
        ("REDIS_URL", "redis://localhost:6379/first"),
        ("REDIS_URL", "redis://"),
        ("BULKHEAD_DATA_DIR", "/dev/null"),
        ("BULKHEAD_PLUGIN_PATH", "/no/such/folder"),
        ("BULKHEAD_DEBUG", "maybe"),
        ("BULKHEAD_ALLOWED_HOSTS", ","),
        ("BULKHEAD_ALLOWED_HOSTS", "https://example.org"),
        ("BULKHEAD_ALLOWED_HOSTS", "example.org:8000"),
        ("BULKHEAD_RUN_TIMEOUT_SECONDS", "0"),
        ("BULKHEAD_RUN_MEMORY_MB", "much"),
        ("BULKHEAD_WORKERS", "-1"),
        ("BULKHEAD_THROTTLE", "sometimes"),
    ],
)
def test_a_value_that_makes_no_sense_stops_the_start(
    tmp_path: Path, variable: str, value: str
) -> None:
    refused = start(tmp_path, "up", "--port", "0", **{variable: value})
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"bulkhead: {variable}={value!r} makes no sense: expected ")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("port", ["65536", "99999", "-1", "http"])
def test_what_is_no_port_is_refused(tmp_path: Path, port: str) -> None:
    refused = start(tmp_path, "up", f"--port={port}")
    assert refused.returncode == 2
    assert f"{port!r} is no port" in refused.stderr


def test_the_database_lies_in_the_data_directory_whatever_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "50% of all+some #1?"
    folder.mkdir()
    done = start(folder, "migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    assert (folder / "db.sqlite3").stat().st_size > 0
