"""The memory limit holds over the whole tree, is right, and never touches the neighbours."""

import resource
import threading

import pytest

import sandbox
from sandbox import Status
from tests.sandbox.conftest import Case

MIB = 1 << 20
LIMITS = {"memory_bytes": 256 * MIB}

GREEDY = {
    "at once": "block = bytearray(2 << 30); time.sleep(5)",
    "in steps": """
        blocks = []
        while True:
            blocks.append(bytearray(10 << 20))
            time.sleep(0.005)
        """,
    "by numpy": """
        import numpy
        blocks = [numpy.ones((10 << 20) // 8) for _ in range(100)]
        """,
    "by mmap, past the allocator": """
        import mmap
        block = mmap.mmap(-1, 1 << 30)
        for offset in range(0, 1 << 30, 4096):
            block[offset] = 1
        """,
    "by shared memory": """
        with open("/dev/shm/block", "wb") as file:
            for _ in range(1000):
                file.write(bytes(1 << 20))
        time.sleep(5)
        """,
    "over its grandchildren": """
        code = "block = bytearray(80 << 20); import time; time.sleep(20)"
        for _ in range(5):
            subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        time.sleep(20)
        """,
}


@pytest.mark.parametrize("way", [way for way in GREEDY if way != "by shared memory"])
def test_a_run_that_takes_too_much(case: Case, way: str) -> None:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = case.run(GREEDY[way], limits=LIMITS)
    assert outcome.report.status is Status.MEMORY_EXCEEDED, outcome.report
    assert outcome.code == "memory_exceeded"
    assert outcome.left == ()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - own < 20 << 10


def test_shared_memory_counts_or_has_no_room(case: Case) -> None:
    outcome = case.run(GREEDY["by shared memory"], limits=LIMITS)
    assert outcome.report.status in (Status.MEMORY_EXCEEDED, Status.FAILED)
    assert outcome.report.peak_memory_bytes < 300 * MIB


def test_a_memory_error_is_told_with_its_line(case: Case) -> None:
    outcome = case.run("block = bytearray(2 << 30)", limits=LIMITS)
    assert outcome.report.status is Status.MEMORY_EXCEEDED
    assert "MemoryError" in outcome.message
    assert outcome.report.problem is not None
    assert "case.py" in outcome.report.problem.traceback


def test_a_plugin_that_catches_its_memory_error_goes_on(case: Case) -> None:
    outcome = case.run(
        """
        try:
            block = bytearray(2 << 30)
        except MemoryError:
            return "smaller, then"
        """,
        limits=LIMITS,
    )
    assert outcome.report.result == "smaller, then"


def test_nine_tenths_of_the_limit_are_the_plugins(case: Case) -> None:
    outcome = case.run("block = bytearray(230 << 20); time.sleep(0.5); return 1", limits=LIMITS)
    assert outcome.report.status is Status.SUCCEEDED


def test_the_peak_is_right_within_a_tenth_over_the_tree(case: Case) -> None:
    outcome = case.run(
        """
        code = "block = bytearray(100 << 20); import time; time.sleep(0.6)"
        children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
        for child in children:
            child.wait()
        """,
        limits={"memory_bytes": 512 * MIB},
    )
    # Two children of 100 MiB, an interpreter of about 10 MiB each, and the plugin's own 15.
    assert 0.9 * 220 * MIB < outcome.report.peak_memory_bytes < 1.1 * 240 * MIB


def test_a_neighbour_is_unharmed(case: Case) -> None:
    results = []
    neighbour = threading.Thread(
        target=lambda: results.append(case.run("time.sleep(1); return 'fine'", limits=LIMITS))
    )
    neighbour.start()
    case.run(GREEDY["in steps"], limits=LIMITS)
    neighbour.join()
    assert results[0].report.result == "fine"


def test_the_limit_holds_while_the_plugin_starts(case: Case) -> None:
    code = "def init(self):\n    self.blocks = [bytearray(10 << 20) for _ in range(100)]\n"
    tool = "@tool\ndef go(self) -> int:\n    return 1\n"
    assert case.run(case.source(code + tool), limits=LIMITS).report.status is Status.MEMORY_EXCEEDED


def test_shared_memory_and_the_heap_count_together(case: Case) -> None:
    if sandbox.missing_guards(["memory"]):
        pytest.skip("without a memory control group only resident memory is counted")
    outcome = case.run(
        """
        with open("/dev/shm/block", "wb") as file:
            file.write(bytes(60 << 20))
        block = bytearray(b"1") * (215 << 20)
        time.sleep(5)
        """,
        limits=LIMITS,
    )
    assert outcome.report.status is Status.MEMORY_EXCEEDED


def test_a_file_larger_than_the_limit_is_written_within_it(case: Case) -> None:
    # Its pages count, and the kernel writes them out and lets them go: nobody is killed for them.
    outcome = case.run(
        """
        block = bytes(8 << 20)
        with open("large", "wb") as file:
            for _ in range(20):
                file.write(block)
        return os.path.getsize("large")
        """,
        limits={"memory_bytes": 96 * MIB},
    )
    assert outcome.report.result == 160 * MIB
    assert outcome.report.peak_memory_bytes < 96 * MIB
