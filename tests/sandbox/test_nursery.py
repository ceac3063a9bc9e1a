"""Standbys: quick, as good as new each time, bounded, and of the plugin as it is now."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sandbox
from sandbox import Nursery, PluginSource, Report, Status, processes
from tests.sandbox.conftest import Case

LIMITS = sandbox.Limits(timeout_seconds=20.0)
GO = "@tool\ndef go(self) -> int:\n    return 1\n"


class Kept:
    """A nursery, and one call to run a tool in it."""

    def __init__(self, folder: Path, **how: Any) -> None:
        self.nursery = Nursery(root=folder / "nests", **how)
        self._folder = folder
        self._count = 0

    def prepare(self, plugin: PluginSource, **limits: Any) -> str:
        kind = self.nursery.prepare(plugin, limits=sandbox.Limits(**limits), seconds=30)
        # Ordered is not yet there.
        time.sleep(0.05)
        return kind

    def run(self, plugin: PluginSource, tool: str = "go", **task: Any) -> Report:
        self._count += 1
        own: dict[str, Any] = {"limits": LIMITS, "label": f"kept-{self._count}"}
        return self.nursery.run(
            sandbox.Task(plugin=plugin, tool=tool, **own | task),
            scratch=self._folder / f"scratch-{self._count}",
            on_events=lambda _events: None,
        )


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path)
    yield kept
    kept.nursery.close()


def _is_forked(report: Report) -> bool:
    return any("control group of its own" in guard.how for guard in report.guards)


@pytest.fixture(autouse=True)
def _needs_forks(request: pytest.FixtureRequest) -> None:
    if "afresh" not in request.node.name and sandbox.missing_guards(
        ["memory", "processes", "files", "signals", "process_tree", "shared_memory"]
    ):
        pytest.skip("this machine cannot part forked runs; its standbys are started afresh")


def test_the_second_run_of_a_plugin_is_forked(case: Case, kept: Kept) -> None:
    plugin = case.source(GO)
    assert not _is_forked(kept.run(plugin))
    assert kept.prepare(plugin) == "forked"
    assert _is_forked(kept.run(plugin))


def test_a_forked_run_does_not_load_the_plugin_again(case: Case, kept: Kept) -> None:
    plugin = case.source("def init(self):\n    time.sleep(0.5)\n" + GO)
    kept.prepare(plugin)
    started = time.monotonic()
    assert kept.run(plugin).result == 1
    assert time.monotonic() - started < 0.4


def test_a_run_that_is_over_in_an_instant_has_a_peak_all_the_same(case: Case, kept: Kept) -> None:
    plugin = case.source(GO)
    kept.prepare(plugin)
    assert all(kept.run(plugin).peak_memory_bytes > 1 << 20 for _ in range(20))


MARKS = """
import os, signal
from sandbox.sdk import Plugin, tool

COUNT = []
class Shared:
    seen = 0

class Case(Plugin):
    def validate(self):
        pass

    def init(self):
        self.count = 0
        self.notes = open(__file__)
        self.first = self.notes.readline()

    @tool
    def go(self) -> dict:
        found = {
            "global": len(COUNT),
            "class": Shared.seen,
            "instance": self.count,
            "module": hasattr(os, "mark"),
            "environment": os.environ.get("MARK"),
            "home": os.listdir(os.environ["HOME"]),
            "temporary": os.listdir(os.environ["TMPDIR"]),
            "shared memory": os.listdir("/dev/shm"),
            "offset": self.notes.tell(),
            "folder": os.getcwd() == os.environ["HOME"],
            "handler": signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL,
            "niceness": os.nice(0),
        }
        COUNT.append(1)
        Shared.seen = self.count = os.mark = 1
        os.environ["MARK"] = "mark"
        open(os.path.join(os.environ["HOME"], "mark"), "w").close()
        open(os.path.join(os.environ["TMPDIR"], "mark"), "w").close()
        open("/dev/shm/mark", "w").close()
        os.makedirs("/dev/shm/deep/mark")
        self.notes.readlines()
        os.chdir("/usr")
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        os.nice(1)
        return found
"""


def test_nothing_passes_from_run_to_run(case: Case, kept: Kept) -> None:
    plugin = case.source(MARKS, whole=True)
    kept.prepare(plugin)
    first, *others = [kept.run(plugin) for _ in range(4)]
    assert first.status is Status.SUCCEEDED, first
    assert all(map(_is_forked, [first, *others]))
    assert [report.result for report in others] == [first.result] * 3
    assert (first.result["global"], first.result["shared memory"]) == (0, [])


def test_random_numbers_differ_from_run_to_run(case: Case, kept: Kept) -> None:
    code = """
        @tool
        def go(self) -> list:
            found = [random.random(), numpy.random.random(), os.urandom(8).hex()]
            random.seed(1)
            numpy.random.seed(1)
            return found
    """
    plugin = case.source(code, before="import random, numpy")
    kept.prepare(plugin)
    drawn = [kept.run(plugin).result for _ in range(3)]
    assert all(len(set(numbers)) == 3 for numbers in zip(*drawn, strict=True))


def test_system_v_memory_is_no_way_from_run_to_run(case: Case, kept: Kept) -> None:
    code = """
        @tool
        def go(self) -> int:
            import ctypes
            return ctypes.CDLL(None).shmget(0x1234, 4096, 0o1600)
    """
    plugin = case.source(code)
    kept.prepare(plugin)
    assert kept.run(plugin).result == -1


def test_a_run_cannot_reach_its_template_or_another_standby(case: Case, kept: Kept) -> None:
    code = """
        @tool
        def go(self) -> dict:
            reached = {}
            for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
                if pid == os.getpid():
                    continue
                for what, attempt in {
                    "signal": lambda: os.kill(pid, 0),
                    "memory": lambda: open(f"/proc/{pid}/mem", "rb"),
                    "environment": lambda: open(f"/proc/{pid}/environ").read(),
                    "descriptors": lambda: os.readlink(f"/proc/{pid}/fd/0"),
                }.items():
                    try:
                        attempt()
                        reached.setdefault(pid, []).append(what)
                    except OSError:
                        pass
            nest = os.path.dirname(os.path.dirname(os.environ["HOME"]))
            for slot in "012":
                for part in ("box", "inputs"):
                    folder = os.path.join(nest, slot, part)
                    if folder != os.environ["HOME"]:
                        try:
                            reached[folder] = os.listdir(folder)
                        except OSError:
                            pass
            own = os.path.join(os.path.dirname(os.environ["HOME"]), "inputs")
            reached.pop(own, None)
            return reached
    """
    plugin = case.source(code)
    kept.prepare(plugin)
    report = kept.run(plugin)
    assert _is_forked(report)
    assert report.result == {}


def test_limits_given_with_the_run_hold_for_its_standby(case: Case, kept: Kept) -> None:
    plugin = case.source(
        "@tool\ndef go(self, size: int) -> int:\n    return len(bytearray(size << 20))"
    )
    kept.prepare(plugin)
    small = sandbox.Limits(timeout_seconds=5, memory_bytes=128 << 20)
    large = sandbox.Limits(timeout_seconds=5, memory_bytes=512 << 20)
    assert kept.run(plugin, input={"size": 300}, limits=small).status is Status.MEMORY_EXCEEDED
    kept.prepare(plugin)
    assert kept.run(plugin, input={"size": 300}, limits=large).status is Status.SUCCEEDED
    assert kept.run(plugin, input={"size": 300}, limits=small).status is Status.MEMORY_EXCEEDED


def test_files_come_in_read_only_and_are_gone_after(case: Case, kept: Kept, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_text("frames")
    plugin = case.source(
        """
        @tool
        def go(self, video: File) -> list:
            try:
                open(video.path, "a")
                return ["written"]
            except OSError:
                return [video.open().read().decode(), video.name, os.path.dirname(video.path)]
        """
    )
    kept.prepare(plugin)
    files = {"video": sandbox.FileInput(path=upload, name="street.mp4")}
    report = kept.run(plugin, input={"video": {"upload": "1"}}, files=files)
    content, name, folder = report.result
    assert (content, name) == ("frames", "street.mp4")
    assert os.listdir(folder) == []
    assert upload.read_text() == "frames"
    assert upload.stat().st_nlink == 1


def test_what_a_run_leaves_lands_in_its_own_scratch_folder(case: Case, kept: Kept) -> None:
    plugin = case.source(
        """
        @tool
        def go(self, run: Run) -> None:
            run.artifact("a.txt").write_text("kept")
            os.makedirs("deep/down")
            open("deep/down/note", "w").close()
        """
    )
    kept.prepare(plugin)
    for _ in range(3):
        report = kept.run(plugin)
        (artifact,) = report.artifacts
        assert artifact.path.read_text() == "kept"
        assert (artifact.path.parent.parent / "deep" / "down" / "note").exists()


UNFORKABLE = {
    "threads": "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "child processes": "subprocess.Popen(['sleep', '60'])",
    "shared memory": "import mmap; self.shared = mmap.mmap(-1, 4096)",
    "a pipe": "self.pipe = os.pipe()",
    "a socket": "import socket; self.pair = socket.socketpair()",
}


@pytest.mark.parametrize("what", UNFORKABLE)
def test_a_plugin_with_this_open_is_started_afresh_with(case: Case, kept: Kept, what: str) -> None:
    plugin = case.source(f"def init(self):\n    {UNFORKABLE[what]}\n{GO}")
    assert kept.prepare(plugin) == "afresh"
    report = kept.run(plugin)
    assert report.result == 1
    assert not _is_forked(report)
    assert kept.run(plugin).result == 1


@pytest.mark.parametrize(
    ("module", "compute"),
    [
        ("numpy", "a = numpy.ones((300, 300)); return float((a @ a)[0, 0])"),
        ("torch", "a = torch.ones(300, 300); return float((a @ a)[0, 0])"),
        ("cv2", "return float(cv2.GaussianBlur(numpy.full((300, 300), 7.0), (31, 31), 0)[0, 0])"),
    ],
)
def test_a_library_that_computes_in_init_and_in_the_run_never_hangs_afresh_or_forked(
    case: Case, kept: Kept, module: str, compute: str
) -> None:
    code = f"""
        def init(self):
            self.go()
        @tool
        def go(self) -> float:
            {compute}
    """
    plugin = case.source(code, before=f"import {module}, numpy")
    assert kept.prepare(plugin, memory_bytes=2 << 30, timeout_seconds=30) in ("forked", "afresh")
    for _ in range(2):
        report = kept.run(plugin, limits=sandbox.Limits(timeout_seconds=20, memory_bytes=2 << 30))
        assert report.status is Status.SUCCEEDED, report.problem
        assert round(report.result) in (300, 7)


STAYING = """
def init(self):
    self.pipe = os.pipe()
    self.count = 0
@tool
def go(self, what: str = "") -> list:
    self.count += 1
    print("run", self.count)
    left = os.listdir(os.environ["HOME"] + "/tmp")
    open(os.environ["TMPDIR"] + "/mark", "w").close()
    if what == "leave":
        subprocess.Popen(["sleep", "6179"], start_new_session=True)
    if what == "crash":
        os._exit(3)
    return [os.getpid(), self.count, left]
"""


def test_a_plugin_started_afresh_may_be_reused_for_so_many_runs(case: Case, kept: Kept) -> None:
    plugin = case.source(STAYING, reuse=3)
    assert kept.prepare(plugin) == "afresh"
    results = [kept.run(plugin).result for _ in range(3)]
    kept.prepare(plugin)
    results.append(kept.run(plugin).result)
    assert [count for _pid, count, _left in results] == [1, 2, 3, 1]
    assert [left for _pid, _count, left in results] == [[]] * 4


def test_one_that_is_reused_afresh_leaves_no_process_between_its_runs(
    case: Case, kept: Kept
) -> None:
    plugin = case.source(STAYING, reuse=9)
    kept.prepare(plugin)
    report = kept.run(plugin, input={"what": "leave"})
    assert report.log_tail == "run 1"
    assert not [
        pid
        for pid in processes.descendants(os.getpid())
        if processes.is_alive(pid) and b"6179" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    again = kept.run(plugin)
    assert again.result[1] == 2
    assert again.log_tail == "run 2"


def test_a_breach_of_one_that_is_reused_afresh_kills_it_all_the_same(
    case: Case, kept: Kept
) -> None:
    plugin = case.source(STAYING, reuse=9)
    kept.prepare(plugin)
    assert kept.run(plugin).result[1] == 1
    assert kept.run(plugin, input={"what": "crash"}).status is Status.CRASHED
    kept.prepare(plugin)
    assert kept.run(plugin).result[1] == 1


def test_changed_code_or_config_is_seen_at_once(case: Case, kept: Kept) -> None:
    plugin = case.source("@tool\ndef go(self) -> Any:\n    return self.config.get('n', 1)")
    kept.prepare(plugin)
    assert kept.run(plugin).result == 1
    changed = sandbox.PluginSource(
        name=plugin.name, folder=plugin.folder, entrypoint=plugin.entrypoint, config={"n": 2}
    )
    assert kept.run(changed).result == 2
    text = (plugin.folder / "case.py").read_text().replace("self.config.get('n', 1)", "'new code'")
    (plugin.folder / "case.py").write_text(text)
    assert kept.run(changed).result == "new code"


def test_a_failed_run_ends_the_standbys_of_its_plugin(case: Case, kept: Kept) -> None:
    plugin = case.source("@tool\ndef go(self) -> int:\n    os._exit(3)\n")
    kept.prepare(plugin)
    assert kept.run(plugin).status is Status.CRASHED
    assert not list((kept.nursery._root).iterdir())


def test_only_so_many_plugins_are_kept_and_those_used_last(case: Case, tmp_path: Path) -> None:
    kept = Kept(tmp_path, most=2)
    plugins = [case.source(GO) for _ in range(3)]
    with kept.nursery:
        for plugin in plugins:
            kept.prepare(plugin)
        assert list(kept.nursery._families) == [plugin.name for plugin in plugins[1:]]
        kept.run(plugins[1])
        kept.prepare(plugins[0])
        assert list(kept.nursery._families) == [plugins[1].name, plugins[0].name]


def test_idle_ones_are_let_go(case: Case, tmp_path: Path) -> None:
    kept = Kept(tmp_path, idle_seconds=0.0)
    with kept.nursery:
        kept.prepare(case.source(GO))
        kept.nursery.tidy()
        assert not kept.nursery._families
        assert list((tmp_path / "nests").iterdir()) == []


def test_a_template_that_dies_is_replaced(case: Case, kept: Kept) -> None:
    plugin = case.source(GO)
    kept.prepare(plugin)
    for pid in processes.descendants(os.getpid()):
        processes.kill(pid)
    time.sleep(0.2)
    assert kept.run(plugin).result == 1
    assert kept.prepare(plugin) == "forked"
    assert _is_forked(kept.run(plugin))


def test_a_plugin_that_cannot_start_fails_with_its_reason(case: Case, kept: Kept) -> None:
    plugin = case.source("def init(self):\n    raise OSError('no weights')\n" + GO)
    assert kept.prepare(plugin) == ""
    report = kept.run(plugin)
    assert report.status is Status.FAILED
    assert report.problem is not None
    assert "no weights" in report.problem.message


def test_a_hook_that_forks_at_the_fork_leaves_nothing_behind(case: Case, kept: Kept) -> None:
    code = """
        def init(self):
            def hook():
                if "hooked" in os.environ:
                    return
                os.environ["hooked"] = "once"
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        time.sleep(60)
                    os._exit(0)
            os.register_at_fork(after_in_child=hook)
    """
    plugin = case.source(code + "    " + GO.replace("\n", "\n        "))
    kept.prepare(plugin)
    for _ in range(3):
        kept.run(plugin)
    kept.nursery.close()
    assert not [pid for pid in processes.descendants(os.getpid()) if _is_ours(pid)]


def test_closing_leaves_no_process_and_no_folder(case: Case, kept: Kept, tmp_path: Path) -> None:
    plugin = case.source(GO)
    kept.prepare(plugin)
    assert [pid for pid in processes.descendants(os.getpid()) if _is_ours(pid)]
    kept.nursery.close()
    assert not [pid for pid in processes.descendants(os.getpid()) if _is_ours(pid)]
    assert list((tmp_path / "nests").iterdir()) == []


def _is_ours(pid: int) -> bool:
    try:
        return b"boot.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("deed", ["close", "tidy"])
def test_a_process_that_was_forked_with_a_nursery_leaves_it_alone(
    case: Case, tmp_path: Path, deed: str
) -> None:
    kept = Kept(tmp_path, idle_seconds=0.0)
    plugin = case.source(GO)
    with kept.nursery:
        kept.prepare(plugin)
        if (pid := os.fork()) == 0:
            getattr(kept.nursery, deed)()
            os._exit(0)
        os.waitpid(pid, 0)
        report = kept.run(plugin)
        assert (report.result, _is_forked(report)) == (1, True)


def test_a_run_that_ends_after_the_nursery_was_closed_begins_nothing_new(
    case: Case, kept: Kept, tmp_path: Path
) -> None:
    plugin = case.source("@tool\ndef go(self) -> int:\n    time.sleep(0.5)\n    return 1")
    kept.prepare(plugin)
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(kept.run(plugin)))
    thread.start()
    time.sleep(0.2)
    kept.nursery.close()
    thread.join()
    assert reports[0].result == 1
    assert not [pid for pid in processes.descendants(os.getpid()) if _is_ours(pid)]
    assert list((tmp_path / "nests").iterdir()) == []


def test_runs_go_on_when_somebody_has_cleared_the_nests_away(
    case: Case, kept: Kept, tmp_path: Path
) -> None:
    plugin = case.source(GO)
    kept.prepare(plugin)
    shutil.rmtree(tmp_path / "nests")
    assert kept.run(plugin).result == 1
    assert kept.prepare(plugin) == "forked"
    assert _is_forked(kept.run(plugin))


def test_a_nest_cleared_away_under_a_run_is_no_fault_of_its_plugin(
    case: Case, kept: Kept, tmp_path: Path
) -> None:
    plugin = case.source("@tool\ndef go(self) -> int:\n    time.sleep(0.5)\n    return 1")
    kept.prepare(plugin)
    threading.Timer(0.2, shutil.rmtree, [tmp_path / "nests"]).start()
    with pytest.raises(sandbox.SandboxError, match="was removed while a run used it"):
        kept.run(plugin)
    assert kept.run(plugin).result == 1


def test_pages_shared_with_the_template_are_not_charged_twice(case: Case, kept: Kept) -> None:
    plugin = case.source(
        """
        def init(self):
            self.model = b"1" * (150 << 20)
        @tool
        def go(self) -> int:
            children = []
            for _ in range(4):
                children.append(os.fork())
                if children[-1] == 0:
                    self.model.count(b"2")
                    time.sleep(0.5)
                    os._exit(0)
            return sum(os.waitpid(child, 0)[1] for child in children)
        """
    )
    kept.prepare(plugin, memory_bytes=256 << 20)
    report = kept.run(plugin, limits=sandbox.Limits(memory_bytes=256 << 20))
    assert _is_forked(report)
    assert report.result == 0, report
    assert report.peak_memory_bytes <= 256 << 20
