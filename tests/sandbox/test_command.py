"""`python -m sandbox`."""

import pytest

import sandbox
from sandbox.__main__ import main
from tests.sandbox.conftest import Case


def test_check_prints_every_guard(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    printed = capsys.readouterr().out
    for guard in sandbox.guards():
        assert guard.name in printed
        assert guard.how in printed


def test_check_fails_for_a_guard_that_is_required_and_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = sandbox.Guard(name="files", state=sandbox.GuardState.ABSENT, how="Landlock", why="old")
    monkeypatch.setattr("sandbox.runner.guards", lambda: (weak,))
    assert main(["check", "--require", "files"]) == 1
    assert "required, and not enforced here: files" in capsys.readouterr().err


def test_a_guard_that_does_not_exist_is_named_with_those_that_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "--require", "gravity"]) == 2
    assert "gravity: no such guard; there are process_tree" in capsys.readouterr().err


def test_run_runs_one_tool(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    code = "@tool\ndef go(self, run: Run, n: int = 1) -> int:\n    run.log('here')\n    return n"
    folder = str(case.source(code).folder)
    assert main(["run", folder, "case:Case", "go", "--input", '{"n": 7}']) == 0
    printed = capsys.readouterr().out
    assert 'log: {"level": "info", "message": "here"}' in printed
    assert printed.startswith("log")
    assert printed.rstrip().endswith("7")
    assert main(["run", folder, "case:Case", "go", "--input", '{"n": "x"}']) == 1


def test_input_that_is_no_json_is_a_line_and_not_a_traceback(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(case.source("").folder), "case:Case", "go", "--input", "{"]) == 2
    assert capsys.readouterr().err.startswith("sandbox: ")


def test_bench_prints_what_a_run_costs_beside_a_bare_fork(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.bench.SAMPLES", 3)
    monkeypatch.setattr("sandbox.bench.SLOW_SAMPLES", 2)
    assert main(["bench"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition("  ")[0] for line in printed][0::2] == [
        "fork, _exit, wait",
        "guarded run, process afresh",
    ]
