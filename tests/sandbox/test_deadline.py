"""The wall clock: when it runs out, everything the run started is dead, whatever it tried."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import sandbox
from sandbox import Status, processes
from sandbox.guards.cgroups import make_cgroup
from tests.sandbox.conftest import Case

LIMIT = 0.5
PATIENCE = 2.0

ATTEMPTS = {
    "sleeps": "time.sleep(60)",
    "spins": "while True: pass",
    "holds the interpreter's lock in C": "10 ** (10 ** 8)",
    "ignores every signal it can": """
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(60)
        """,
    "swallows exceptions": """
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
        """,
    "leaves grandchildren in other sessions": """
        for _ in range(3):
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(6178)"],
                             start_new_session=True)
        time.sleep(60)
        """,
    "double-forks a daemon without its environment": """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(6178)"], {})
            os._exit(0)
        time.sleep(60)
        """,
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP); time.sleep(60)",
    "stops its children": """
        child = subprocess.Popen(["sleep", "6178"])
        child.send_signal(signal.SIGSTOP)
        time.sleep(60)
        """,
    "forks all it may": """
        for _ in range(100):
            if os.fork() == 0:
                os.setsid()
                while True:
                    pass
        time.sleep(60)
        """,
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_limit_kills_a_run_that(case: Case, attempt: str) -> None:
    before = set(_all_processes())
    outcome = case.run(ATTEMPTS[attempt], limits={"timeout_seconds": LIMIT})
    assert outcome.report.status is Status.TIMED_OUT
    assert outcome.report.signal == "SIGKILL"
    assert "0.5 s" in outcome.message
    # Starting a child has a limit of its own, as long as the tool's.
    assert outcome.report.wall_seconds < LIMIT + LIMIT + PATIENCE
    assert outcome.left == ()
    assert _new_strays(before) == set()


def test_a_fork_storm_ends_at_the_limit_of_processes(case: Case) -> None:
    outcome = case.run(
        """
        while True:
            try:
                os.fork()
            except OSError:
                time.sleep(0.01)
        """,
        limits={"processes": 64},
    )
    assert outcome.report.status is Status.FAILED
    assert outcome.code == "too_many_processes"
    assert outcome.report.wall_seconds < PATIENCE
    assert outcome.left == ()


def test_a_slow_start_times_out_as_one(case: Case) -> None:
    code = "@tool\ndef go(self) -> int:\n    return 1\ndef init(self):\n    time.sleep(60)"
    outcome = case.run(case.source(code), limits={"timeout_seconds": LIMIT})
    assert outcome.report.status is Status.TIMED_OUT
    assert "not ready" in outcome.message


def test_starting_does_not_eat_the_tools_time(case: Case) -> None:
    code = """
        @tool
        def go(self) -> None:
            time.sleep(0.6)
        def init(self):
            time.sleep(0.6)
    """
    outcome = case.run(case.source(code), limits={"timeout_seconds": 1.0})
    assert outcome.report.status is Status.SUCCEEDED


def test_a_store_that_hangs_does_not_keep_a_run_alive(case: Case) -> None:
    def slow(_events: object) -> None:
        time.sleep(1.5)

    plugin = case.tool("run.emit('now', {}); open('started', 'w').close(); time.sleep(60)")
    outcome = case.run(plugin, limits={"timeout_seconds": LIMIT}, asked={"on_events": slow})
    assert outcome.report.status is Status.TIMED_OUT
    assert outcome.report.wall_seconds < 4


def test_a_run_dies_with_its_worker(case: Case, tmp_path: Path) -> None:
    plugin = case.tool(
        """
        subprocess.Popen(["sleep", "6178"], start_new_session=True)
        open("started", "w").close()
        time.sleep(60)
        """
    )
    with _worker(plugin, tmp_path / "scratch", label="worker-dies") as worker:
        _wait_for(tmp_path / "scratch" / "started")
        assert len(processes.marked("worker-dies")) >= 3
        worker.kill()
    assert _dead_within("worker-dies", PATIENCE)


def test_a_run_dies_with_its_keeper(case: Case, tmp_path: Path) -> None:
    plugin = case.tool("open('started', 'w').close(); time.sleep(60)")
    worker = _worker(plugin, tmp_path / "scratch", label="keeper-dies")
    _wait_for(tmp_path / "scratch" / "started")
    os.kill(processes.children(worker.pid)[0], signal.SIGKILL)
    _said, complaint = worker.communicate(timeout=10)
    assert "keeper died without a word" in complaint
    assert _dead_within("keeper-dies", PATIENCE)


def test_sweeping_removes_the_control_groups_of_dead_keepers(case: Case) -> None:
    (guard,) = [guard for guard in sandbox.guards() if guard.name == "memory"]
    if guard.state is not sandbox.GuardState.ENFORCED:
        pytest.skip("this machine lets nobody make control groups")
    dead = subprocess.Popen(["true"])
    dead.wait()
    make_cgroup("left", memory_bytes=64 << 20, tasks=10)
    left = make_cgroup(f"left-{dead.pid}", memory_bytes=64 << 20, tasks=10, number=7)
    for folder in left.folders.values():
        folder.rename(folder.with_name(f"bulkhead-left-{dead.pid}-7"))
    sandbox.sweep("nothing of that name")
    found = [path.name for path in left.folders["memory"].parent.glob("bulkhead-left-*")]
    assert found == [f"bulkhead-left-{os.getpid()}-0"]
    sandbox.sweep("left")
    assert not list(left.folders["memory"].parent.glob("bulkhead-left-*"))


def test_sweeping_finds_what_a_run_left_by_its_mark() -> None:
    environment = {processes.MARKER: "swept"}
    stray = subprocess.Popen(["/bin/sleep", "60"], env=environment, start_new_session=True)
    try:
        _wait(lambda: processes.marked("swept"))
        assert sandbox.sweep("swept") == 1
        assert stray.wait(2) == -signal.SIGKILL
    finally:
        stray.kill()
    assert sandbox.sweep("swept") == 0


def _worker(plugin: sandbox.PluginSource, scratch: Path, *, label: str) -> subprocess.Popen[str]:
    code = f"""
        import sandbox
        from pathlib import Path
        plugin = sandbox.PluginSource(
            name="case", folder=Path({str(plugin.folder)!r}), entrypoint="case:Case"
        )
        task = sandbox.Task(plugin=plugin, tool="go", label={label!r})
        sandbox.run(task, scratch=Path({str(scratch)!r}), on_events=print)
    """
    root = Path(sandbox.__file__).parent.parent
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(path: Path) -> None:
    _wait(path.exists)


def _wait(happened: object) -> None:
    give_up = time.monotonic() + 10
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _dead_within(label: str, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while processes.marked(label):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def _all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _new_strays(before: set[int]) -> set[int]:
    """Return processes that came up since BEFORE and that belong to a plugin's tricks."""
    return {pid for pid in set(_all_processes()) - before if "6178" in _command(pid)}


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
