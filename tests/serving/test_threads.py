"""How requests share the threads."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving.conftest import Server

PROBE = "tests.serving.probe:application"


@pytest.fixture
def probe(serve: Callable[..., Server]) -> Server:
    return serve(PROBE)


def test_many_requests_share_few_threads_and_connections(probe: Server) -> None:
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda _n: probe.ask("GET", "/slow/?seconds=0.05"), range(36)))
    assert {answer.status for answer in answers} == {200}
    facts = json.loads(probe.ask("GET", "/facts/").body)
    assert facts["threads"] == 3
    assert facts["connections"] == 3


def test_a_sign_of_life_comes_while_every_thread_is_busy(probe: Server) -> None:
    with ThreadPoolExecutor(6) as clients:
        slow = [clients.submit(probe.ask, "GET", "/slow/?seconds=1") for _ in range(6)]
        time.sleep(0.3)
        began = time.monotonic()
        assert probe.ask("GET", "/api/v1/health/live/").status == 200
        assert time.monotonic() - began < 0.5
        assert {request.result().status for request in slow} == {200}


def test_waiting_requests_of_clients_that_left_are_not_answered(probe: Server) -> None:
    with ThreadPoolExecutor(3) as clients:
        busy = [clients.submit(probe.ask, "GET", "/slow/?seconds=1") for _ in range(3)]
        time.sleep(0.3)
        for _number in range(20):
            impatient = probe.connect()
            impatient.request("GET", "/slow/?seconds=5")
            impatient.close()
        assert {request.result().status for request in busy} == {200}
    began = time.monotonic()
    assert probe.ask("GET", "/facts/").status == 200
    assert time.monotonic() - began < 3


def test_a_stream_is_closed_when_its_client_leaves(probe: Server) -> None:
    client = probe.connect()
    client.request("GET", "/stream/?megabytes=500")
    response = client.getresponse()
    assert response.read(1 << 20)
    response.close()
    client.close()
    deadline = time.monotonic() + 5
    while json.loads(probe.ask("GET", "/facts/").body)["closed"] != ["stream"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stream_waits_for_a_client_that_reads_slowly(probe: Server) -> None:
    before = probe.peak_bytes()
    client = probe.connect()
    client.request("GET", "/stream/?megabytes=300")
    response = client.getresponse()
    assert response.read(1 << 20)
    time.sleep(1)
    assert probe.peak_bytes() - before < 40 << 20
    assert len(response.read()) == (300 << 20) - (1 << 20)
    client.close()


def test_a_chunked_body_arrives_whole(probe: Server) -> None:
    parts = (bytes(1 << 16) for _number in range(40))
    answer = probe.ask("POST", "/length/", parts)
    assert json.loads(answer.body) == {"size": 40 << 16, "announced": str(40 << 16)}


def test_a_large_body_stays_on_disk(probe: Server) -> None:
    before = probe.peak_bytes()
    answer = probe.ask("POST", "/length/", (bytes(1 << 20) for _number in range(200)))
    assert json.loads(answer.body)["size"] == 200 << 20
    assert probe.peak_bytes() - before < 40 << 20
