"""A plugin shares its process with the channel and may write to it as it likes: to no avail."""

import resource
import textwrap

import pytest

from sandbox import Status
from tests.sandbox.conftest import Case

# Finds the channel as an attacker would: the one socket among the open descriptors.
FIND = """
import json, socket, stat, struct
def channel():
    for number in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            pass
def frame(payload, kind=1):
    return struct.pack(">IB", len(payload), kind) + payload
def say(**message):
    os.write(channel(), frame(json.dumps(message).encode()))
"""

FORGERIES = {
    "garbage": "os.write(channel(), b'garbage, and a lot of it' * 100)",
    "a frame of 4 GB": "os.write(channel(), struct.pack('>IB', 0xFFFFFFFF, 1))",
    "a frame over the limit": "os.write(channel(), struct.pack('>IB', 9 << 20, 1))",
    "an unknown kind": "os.write(channel(), frame(b'{}', kind=9))",
    "no JSON": "os.write(channel(), frame(b'no json'))",
    "a JSON list": "os.write(channel(), frame(b'[1]'))",
    "deep JSON": "os.write(channel(), frame(b'{\"a\":' + b'[' * 5000 + b']' * 5000 + b'}'))",
    "an unknown message": "say(op='shutdown')",
    "a message without its fields": "say(op='event')",
    "a cancelled ending": "say(op='done', status='cancelled')",
    "a second start": "say(op='ready')",
    "other guards": "say(op='guarded', guards=[])",
    "a broken sandbox": "say(op='broken', message='it was the sandbox')",
    "an artifact elsewhere": "say(op='artifact', name='../../etc/passwd')",
    "an artifact event": "say(op='event', kind='artifact', data={'name': 'x', 'size': 1})",
    "an end event": "say(op='event', kind='end', data={})",
    "a log without text": "say(op='event', kind='log', data={'message': 1})",
    "a preview that is none": "os.write(channel(), frame(b'BHPV', kind=2))",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forger_ends_as_failed(case: Case, forgery: str) -> None:
    outcome = case.run(FIND + FORGERIES[forgery] + "\ntime.sleep(20)")
    assert outcome.report.status is Status.FAILED, outcome.report
    assert outcome.code == "protocol_error"
    assert outcome.left == ()


def test_a_forged_result_is_the_plugins_own_result(case: Case) -> None:
    outcome = case.run(FIND + "say(op='done', status='succeeded', result=1); time.sleep(20)")
    assert outcome.report.status is Status.SUCCEEDED
    assert outcome.report.wall_seconds < 4
    assert outcome.left == ()


def test_half_a_frame_and_a_nap_is_a_timeout(case: Case) -> None:
    body = FIND + "os.write(channel(), struct.pack('>IB', 100, 1) + b'half'); time.sleep(20)"
    assert case.run(body, limits={"timeout_seconds": 0.5}).report.status is Status.TIMED_OUT


def test_closing_the_channel_is_a_failure_that_names_it(case: Case) -> None:
    outcome = case.run(FIND + "os.close(channel()); return 1")
    assert outcome.report.status is Status.CRASHED or outcome.report.status is Status.FAILED
    assert outcome.left == ()


def test_garbage_on_every_descriptor_is_the_plugins_failure(case: Case) -> None:
    outcome = case.run(
        """
        for number in range(256):
            try:
                os.write(number, b"\\xff" * 4096)
            except OSError:
                pass
        time.sleep(20)
        """
    )
    assert outcome.report.status is Status.FAILED
    assert outcome.code == "protocol_error"


def test_too_many_events_end_the_run(case: Case) -> None:
    outcome = case.run("while True: run.emit('e', {})", limits={"events": 5000})
    assert outcome.report.status is Status.FAILED
    assert outcome.code == "too_many_events"
    assert len(outcome.data("e")) == 5000


def test_an_event_over_the_frame_limit_is_the_tools_exception(case: Case) -> None:
    outcome = case.run("run.emit('e', {'x': 'y' * (9 << 20)})")
    assert outcome.report.status is Status.FAILED
    assert "FrameTooLarge" in outcome.message


@pytest.mark.parametrize("kind", ["'Upper'", "''", "'artifact'", "'log'", "'a b'", "'x' * 65"])
def test_an_event_kind_that_is_none_is_refused_where_it_is_written(case: Case, kind: str) -> None:
    assert "no event kind" in case.run(f"run.emit({kind}, {{}})").message


def test_a_forked_child_cannot_speak_for_the_run(case: Case) -> None:
    outcome = case.run(
        """
        if os.fork() == 0:
            try:
                run.emit("from-child", {})
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        os.wait()
        """
    )
    assert outcome.report.status is Status.SUCCEEDED
    assert outcome.data("from-child") == []
    assert any("process its tool was called in" in line for line in outcome.log)


def test_threads_of_the_tool_can_speak(case: Case) -> None:
    outcome = case.run(
        """
        threads = [
            threading.Thread(target=lambda: [run.emit("e", {"x": 1}) for _ in range(200)])
            for _ in range(4)
        ]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    )
    assert len(outcome.data("e")) == 800


def test_a_million_frames_end_at_the_limit_of_events(case: Case) -> None:
    flood = """
        one = frame(json.dumps({"op": "event", "kind": "e", "data": {}}).encode())
        for _ in range(1000):
            send = one * 1000
            while send:
                send = send[os.write(channel(), send):]
        """
    outcome = case.run(FIND + textwrap.dedent(flood), limits={"events": 20_000})
    assert outcome.report.status is Status.FAILED
    assert outcome.code == "too_many_events"
    assert len(outcome.data("e")) == 20_000
    assert outcome.left == ()


def test_a_frame_of_a_hundred_megabytes_is_not_taken_in(case: Case) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = case.run(FIND + "os.write(channel(), frame(b'x' * (100 << 20)))\ntime.sleep(20)")
    assert outcome.code == "protocol_error"
    assert "104,857,600 bytes" in outcome.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10


def test_half_a_frame_and_the_end_is_no_success(case: Case) -> None:
    body = FIND + "os.write(channel(), struct.pack('>IB', 100, 1) + b'half'); os._exit(0)"
    outcome = case.run(body)
    assert outcome.report.status is Status.CRASHED
    assert outcome.report.exit_code == 0
