"""What a run prints becomes log events: bounded, cleaned, in lines."""

import resource

import pytest

from sandbox import Status
from tests.sandbox.conftest import Case


def test_prints_and_native_output_become_log_events(case: Case) -> None:
    outcome = case.run(
        """
        print("from python")
        os.write(1, b"from a descriptor\\n")
        subprocess.run(["echo", "from a program"])
        print("to stderr", file=sys.stderr)
        """
    )
    logs = outcome.data("log")
    assert {"level": "info", "message": "from python", "stream": "stdout"} in logs
    assert {"level": "warning", "message": "to stderr", "stream": "stderr"} in logs
    assert [data["message"] for data in logs if data["stream"] == "stdout"] == [
        "from python",
        "from a descriptor",
        "from a program",
    ]


def test_native_buffers_are_written_out_at_the_end(case: Case) -> None:
    outcome = case.run("import ctypes; ctypes.CDLL(None).printf(b'held back by libc')")
    assert "held back by libc" in outcome.log


def test_ten_megabytes_of_output_are_bounded_and_said(case: Case) -> None:
    outcome = case.run(
        "for number in range(200_000): print('x' * 50)\nreturn 1",
        limits={"output_bytes": 1 << 20},
    )
    assert outcome.report.status is Status.SUCCEEDED
    assert sum(map(len, outcome.log)) <= 1 << 20
    assert "output limit of 1,048,576 bytes reached" in outcome.log[-1]
    assert len(outcome.report.log_tail) <= 16 << 10


def test_a_line_without_end_is_cut(case: Case) -> None:
    outcome = case.run("sys.stdout.write('y' * 100_000)")
    assert outcome.report.status is Status.SUCCEEDED
    assert max(map(len, outcome.log)) <= 8 << 10
    assert sum(map(len, outcome.log)) == 100_000


def test_nuls_and_bad_utf8_are_replaced(case: Case) -> None:
    outcome = case.run("os.write(1, b'a\\0b\\xff\\xfec\\n')")
    assert outcome.log == ["a\N{REPLACEMENT CHARACTER}b" + 2 * "\N{REPLACEMENT CHARACTER}" + "c"]


@pytest.mark.parametrize("text", ["'a\\0b'", "'\\ud800'"])
def test_unstorable_text_in_events_and_results_is_replaced(case: Case, text: str) -> None:
    outcome = case.run(f"run.emit('said', {{'text': {text}}}); return {{'text': {text}}}")
    said = outcome.data("said")[0]["text"]
    assert "\N{REPLACEMENT CHARACTER}" in said
    assert outcome.report.result == {"text": said}


def test_printing_a_lone_surrogate_is_no_error(case: Case) -> None:
    assert case.run("print('\\ud800'); return 1").report.status is Status.SUCCEEDED


def test_closing_the_output_is_the_plugins_own_business(case: Case) -> None:
    outcome = case.run("os.close(1); os.close(2); sys.stdout = None; return 1")
    assert outcome.report.status is Status.SUCCEEDED


def test_events_come_in_order_with_the_prints_between_them(case: Case) -> None:
    outcome = case.run("for number in range(1000): run.emit('step', {'number': number})")
    assert [data["number"] for data in outcome.data("step")] == list(range(1000))


def test_progress_is_coalesced_and_its_last_value_arrives(case: Case) -> None:
    outcome = case.run("for number in range(100_001): run.progress(number, 100_000)")
    progress = outcome.data("progress")
    assert progress[-1] == {"done": 100_000, "total": 100_000}
    assert len(progress) < 200


def test_nan_and_infinity_become_null(case: Case) -> None:
    outcome = case.run("run.emit('n', {'x': float('nan')}); return [float('inf'), 1.5]")
    assert outcome.data("n") == [{"x": None}]
    assert outcome.report.result == [None, 1.5]


@pytest.mark.parametrize("piece", ["b'x' * (1 << 20)", "b'x\\n' * (1 << 19)"])
def test_a_gigabyte_of_output_is_bounded_and_costs_little(case: Case, piece: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = case.run(
        f"piece = {piece}\nfor _ in range(1024): os.write(1, piece)\nreturn 1",
        limits={"output_bytes": 1 << 20},
    )
    assert outcome.report.status is Status.SUCCEEDED
    assert outcome.report.wall_seconds < 15
    assert sum(map(len, outcome.log[:-1])) <= 1 << 20
    assert "further bytes were dropped" in outcome.log[-1]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10
