"""Commands called as Django calls them, and as a shell does."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended. `code` is its exit status."""

    out: str
    err: str
    code: int

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def command() -> Callable[..., Done]:
    """Return a caller of commands, in this process and on its database."""

    def call(name: str, *arguments: Any) -> Done:
        out, err, code = io.StringIO(), io.StringIO(), 0
        try:
            call_command(name, *map(str, arguments), stdout=out, stderr=err)
        except CommandError as error:
            err.write(f"bulkhead: {error}\n")
            code = error.returncode
        return Done(out=out.getvalue(), err=err.getvalue(), code=code)

    return call


@pytest.fixture
def manage(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Return a starter of `manage.py` as a process of its own, on this test's database."""

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=os.environ | _on_our_database() | environment,
        )

    return start


@pytest.fixture
def shell(manage: Callable[..., subprocess.Popen[str]]) -> Callable[..., Done]:
    """Return a caller of `manage.py` that waits for its end."""

    def call(*arguments: str, **environment: str) -> Done:
        process = manage(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        return Done(out=out, err=err, code=process.returncode)

    return call


def _on_our_database() -> dict[str, str]:
    return {"DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}"}
