"""Every way a run can end, with real children."""

import signal
import time

import pytest

import sandbox
from sandbox import Status
from tests.sandbox.conftest import Case


def test_a_result_that_fits_succeeds(case: Case) -> None:
    outcome = case.run("run.log('hello')\nreturn {'answer': 42}")
    assert outcome.report.status is Status.SUCCEEDED
    assert outcome.report.result == {"answer": 42}
    assert outcome.report.problem is None
    assert outcome.log == ["hello"]
    assert outcome.left == ()


def test_the_report_tells_what_the_run_took(case: Case) -> None:
    report = case.run(
        """
        block = bytearray(60 << 20)
        until = time.process_time() + 0.2
        while time.process_time() < until:
            block[0] = 1
        """
    ).report
    assert report.cpu_seconds >= 0.2
    assert report.wall_seconds >= 0.2
    assert 60 << 20 < report.peak_memory_bytes < 120 << 20
    assert {guard.name for guard in report.guards} >= {"memory", "files", "network", "process_tree"}


def test_invalid_input_rejects_with_the_plugins_words(case: Case) -> None:
    outcome = case.run("raise InvalidInput('not a video')")
    assert outcome.report.status is Status.REJECTED
    assert (outcome.code, outcome.message) == ("invalid_input", "not a video")


def test_an_exception_fails_with_the_plugins_frames_only(case: Case) -> None:
    outcome = case.run("raise KeyError('frame')")
    assert outcome.report.status is Status.FAILED
    assert outcome.code == "exception"
    assert "go() raised KeyError: 'frame'" in outcome.message
    assert outcome.report.problem is not None
    assert "case.py" in outcome.report.problem.traceback
    assert "sandbox/work.py" not in outcome.report.problem.traceback


@pytest.mark.parametrize(
    "exception",
    [
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
        "raise BaseException('base')",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
        "error = ValueError('x')\nerror.__cause__ = error\nraise error",
        "def deeper(): deeper()\ndeeper()",
    ],
)
def test_any_exception_whatever_is_a_failure(case: Case, exception: str) -> None:
    outcome = case.run(exception)
    assert outcome.report.status is Status.FAILED
    assert outcome.code == "exception"


def test_sys_exit_is_a_failure_that_says_so(case: Case) -> None:
    outcome = case.run("sys.exit(3)")
    assert outcome.report.status is Status.FAILED
    assert "sys.exit(3)" in outcome.message


@pytest.mark.parametrize(
    ("annotation", "body"),
    [
        ("dict[str, int]", "return {'a': 'text'}"),
        ("dict", "return [1]"),
        ("dict", "return {'a': object()}"),
        ("int", "return None"),
        ("dict", "loop = {}; loop['loop'] = loop; return loop"),
        ("dict", "return {'big': 'x' * (9 << 20)}"),
    ],
)
def test_a_result_that_does_not_fit_is_a_failure(case: Case, annotation: str, body: str) -> None:
    outcome = case.run(case.source(f"@tool\ndef go(self) -> {annotation}:\n    {body}"))
    assert outcome.report.status is Status.FAILED
    assert outcome.code == "bad_result"


def test_a_call_of_a_tool_that_is_not_there_is_rejected(case: Case) -> None:
    outcome = case.run(case.tool("pass"), tool="gone")
    assert outcome.report.status is Status.REJECTED
    assert outcome.code == "unknown_tool"


@pytest.mark.parametrize(
    ("body", "exit_code", "signal_name"),
    [
        ("os._exit(7)", 7, None),
        ("os._exit(0)", 0, None),
        ("os.kill(os.getpid(), signal.SIGSEGV)", None, "SIGSEGV"),
        ("import ctypes; ctypes.string_at(0)", None, "SIGSEGV"),
        ("os.abort()", None, "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", None, "SIGKILL"),
    ],
)
def test_a_death_without_a_word_is_a_crash_that_names_it(
    case: Case, body: str, exit_code: int | None, signal_name: str | None
) -> None:
    report = case.run(body).report
    assert report.status is Status.CRASHED
    assert (report.exit_code, report.signal) == (exit_code, signal_name)
    assert report.problem is not None
    assert (signal_name or f"exit code {exit_code}") in report.problem.message


def test_a_crash_in_native_code_leaves_its_python_line_in_the_log(case: Case) -> None:
    report = case.run("import ctypes; ctypes.string_at(0)").report
    assert "Fatal Python error: Segmentation fault" in report.log_tail
    assert "case.py" in report.log_tail


def test_a_crash_after_the_result_does_not_take_it_back(case: Case) -> None:
    plugin = case.source(
        """
        @tool
        def go(self) -> int:
            return 1
        def close(self):
            os.kill(os.getpid(), signal.SIGSEGV)
        """
    )
    assert case.run(plugin).report.result == 1


def test_a_close_that_hangs_or_raises_is_cut_short(case: Case) -> None:
    for body in ("time.sleep(60)", "raise ValueError('close')", "sys.exit()"):
        code = f"@tool\ndef go(self) -> int:\n    return 1\ndef close(self):\n    {body}"
        started = time.monotonic()
        outcome = case.run(case.source(code))
        assert outcome.report.status is Status.SUCCEEDED
        assert time.monotonic() - started < 4
        assert outcome.left == ()


def test_a_result_does_not_wait_for_threads_or_exit_handlers(case: Case) -> None:
    started = time.monotonic()
    outcome = case.run(
        """
        import atexit
        atexit.register(time.sleep, 60)
        threading.Thread(target=time.sleep, args=(60,)).start()
        subprocess.Popen(["sleep", "60"], start_new_session=True)
        return 1
        """
    )
    assert outcome.report.status is Status.SUCCEEDED
    assert time.monotonic() - started < 4
    assert outcome.left == ()


def test_cancelling_ends_the_run_with_the_reason(case: Case) -> None:
    began = time.monotonic()
    outcome = case.run(
        "time.sleep(60)",
        asked={"cancelled": lambda: "ann said stop" if time.monotonic() > began + 0.3 else None},
    )
    assert outcome.report.status is Status.CANCELLED
    assert outcome.message == "ann said stop"
    assert outcome.left == ()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.04, 0.06, 0.08, 0.1])
def test_cancelling_while_the_walls_are_raised_is_neither_forgotten_nor_a_fault(
    case: Case, seconds: float
) -> None:
    began = time.monotonic()
    outcome = case.run(
        "time.sleep(30)",
        asked={"cancelled": lambda: "faster" if time.monotonic() >= began + seconds else None},
    )
    assert outcome.report.status is Status.CANCELLED
    assert outcome.left == ()
    assert time.monotonic() - began < 10


def test_cancelling_gives_a_second_to_clean_up_and_no_more(case: Case) -> None:
    heard: list[sandbox.Event] = []
    outcome = case.run(
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        run.emit("deaf", {})
        while True:
            time.sleep(1)
        """,
        asked={"cancelled": lambda: "stop" if heard else None, "on_events": heard.extend},
    )
    assert outcome.report.status is Status.CANCELLED
    assert 1 < outcome.report.wall_seconds < 3
    assert outcome.left == ()


def test_what_the_event_receiver_raises_kills_the_run_and_comes_through(case: Case) -> None:
    def refuse(_events: object) -> None:
        raise ConnectionError("the store is gone")

    plugin = case.tool("run.emit('here', {}); time.sleep(60)")
    with pytest.raises(ConnectionError, match="the store is gone"):
        case.run(plugin, asked={"on_events": refuse}, label="receiver-raises")
    assert sandbox.sweep("receiver-raises") == 0


def test_a_missing_input_file_is_not_the_plugins_fault(case: Case, tmp_path: object) -> None:
    plugin = case.source("@tool\ndef go(self, video: File) -> int:\n    return 1")
    gone = sandbox.FileInput(path=case.source("").folder / "gone.mp4", name="gone.mp4")
    with pytest.raises(sandbox.SandboxError, match=r"gone\.mp4"):
        case.run(plugin, files={"video": gone}, input={"video": {"upload": "1"}})


def test_the_next_run_is_untouched_by_the_one_before(case: Case) -> None:
    plugin = case.tool("return os.getpid()")
    case.run("os.kill(os.getpid(), signal.SIGSEGV)")
    assert case.run(plugin).report.status is Status.SUCCEEDED


def test_signals_have_names() -> None:
    from sandbox.outcome import signal_name

    assert signal_name(signal.SIGSEGV) == "SIGSEGV"
    assert signal_name(40) == "SIG40"
    assert signal_name(None) is None
