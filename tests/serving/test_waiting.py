"""`Prefer: wait` on the whole platform: the answer comes with the run's end, and holds no thread."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.running import RunningPlatform

SAY = "/api/v1/plugins/echo/tools/say/run/"


def _ready(platform: RunningPlatform) -> None:
    platform.wait_for_plugin("echo", "INITIALIZED")


def test_a_finished_run_comes_in_the_answer(platform_up: RunningPlatform) -> None:
    _ready(platform_up)
    answer = platform_up.post(SAY, {"text": "hello"}, headers={"Prefer": "wait=30"})
    assert answer.status == 200, answer.body
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.json["status"] == "succeeded"
    assert answer.json["finished_at"] is not None
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["location"] == f"/api/v1/runs/{answer.json['id']}/"


def test_a_repeated_request_that_waits_gets_the_same_finished_run(
    platform_up: RunningPlatform,
) -> None:
    _ready(platform_up)
    headers = {"Prefer": "wait=30", "Idempotency-Key": "the-same"}

    def send(_number: int) -> Any:
        return platform_up.post(SAY, {"text": "once"}, headers=headers)

    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(send, range(4)))
    assert {answer.status for answer in answers} == {200}
    assert all(answer.json == answers[0].json for answer in answers)
    assert send(0).json == answers[0].json


def test_waiting_holds_no_thread(platform_up: RunningPlatform) -> None:
    _ready(platform_up)
    emit = "/api/v1/plugins/echo/tools/emit/run/"
    body = {"count": 40, "interval_seconds": 0.1}

    def wait(_number: int) -> Any:
        return platform_up.post(emit, body, headers={"Prefer": "wait=2"})

    with ThreadPoolExecutor(16) as clients:
        waiting = [clients.submit(wait, number) for number in range(16)]
        time.sleep(1)
        began = time.monotonic()
        assert platform_up.get("/api/v1/plugins/").status == 200
        assert time.monotonic() - began < 0.7
        assert {request.result().status for request in waiting} == {202}
