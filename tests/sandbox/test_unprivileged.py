"""The same endings for an ordinary user: the suites, once more, as `nobody`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sandbox

ROOT = Path(sandbox.__file__).parent.parent
SUITES = ("test_outcomes", "test_deadline", "test_memory", "test_channel", "test_artifacts")
# Python may lie in a home that is closed to others. In a mount namespace of its own each such
# folder is covered by an open one in which only what is needed can be found.
OPEN_UP = """
set -e
for needed in "$1" "$2"; do
    setpriv --reuid nobody --regid nogroup --clear-groups test -x "$needed" && continue
    top=/$(echo "$needed" | cut -d/ -f2)
    keep=$(mktemp -d)
    mount --bind "$needed" "$keep"
    mount -t tmpfs -o mode=755 none "$top"
    mkdir -p "$needed"
    mount --bind "$keep" "$needed"
    umount "$keep"
    rmdir "$keep"
done
shift 2
exec setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all "$@"
"""


def _as_nobody(*command: str) -> "subprocess.CompletedProcess[str]":
    opened = ["unshare", "--mount", "sh", "-c", OPEN_UP, "sh", str(ROOT), sys.base_prefix]
    return subprocess.run(
        [*opened, sys.executable, *command],
        cwd=ROOT,
        env={"HOME": "/nonexistent", "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(autouse=True)
def _needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("this is an ordinary user's run already")
    if shutil.which("setpriv") is None or shutil.which("unshare") is None:
        pytest.skip("util-linux (setpriv, unshare) is not installed")
    if (tried := _as_nobody("-c", "import sandbox")).returncode != 0:
        pytest.skip(f"nobody cannot be made to run this checkout: {tried.stderr}")


# In children of their own only: for a user without control groups a standby is one, too.
@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_as_nobody(suite: str) -> None:
    chosen = ["-k", "not standby", f"tests/sandbox/{suite}.py"]
    ran = _as_nobody("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *chosen)
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
