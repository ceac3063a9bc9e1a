"""BULKHEAD_REQUIRE_GUARDS: no worker rather than one without its walls."""

import subprocess
import sys
from typing import Any

import pytest

import sandbox
from plugins_app.services import workers
from tests.cluster.conftest import ROOT
from tests.running import RunningPlatform


def test_nothing_is_asked_where_nothing_is_required(settings: Any) -> None:
    settings.REQUIRED_GUARDS = []
    workers.require_guards()


def test_guards_that_hold_let_the_worker_start(settings: Any) -> None:
    held = [guard.name for guard in sandbox.guards() if guard.state is sandbox.GuardState.ENFORCED]
    settings.REQUIRED_GUARDS = held
    workers.require_guards()


def test_a_guard_that_does_not_hold_is_named_with_why(settings: Any) -> None:
    guards = sandbox.guards()
    weak = [guard for guard in guards if guard.state is not sandbox.GuardState.ENFORCED]
    if not weak:
        pytest.skip("this machine enforces every guard")
    settings.REQUIRED_GUARDS = [weak[0].name]
    with pytest.raises(workers.GuardsMissing, match=f"{weak[0].name} is {weak[0].state}"):
        workers.require_guards()


def test_the_command_refuses_to_start_for_a_name_that_is_no_guard(tmp_path: Any) -> None:
    platform = RunningPlatform(folder=tmp_path, variables={"BULKHEAD_REQUIRE_GUARDS": "moat"})
    refused = subprocess.run(
        [sys.executable, ROOT / "manage.py", "run_workers"],
        env=platform.environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert refused.returncode == 1
    assert "BULKHEAD_REQUIRE_GUARDS names what is no guard: moat" in refused.stderr
    assert refused.stderr.count("\n") == 1
