"""The pool on PostgreSQL, where a connection is a process and there are few of them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.servers import Server
from tests.serving.conftest import Server as Daphne

PROBE = "tests.serving.probe:application"
THREADS = 3


def test_a_crowd_takes_as_many_connections_as_there_are_threads(
    serve: Callable[..., Daphne], postgres_server: Server
) -> None:
    server = serve(PROBE, DATABASE_URL=postgres_server.url)
    with ThreadPoolExecutor(30) as clients:
        slow = [clients.submit(server.ask, "GET", "/slow/?seconds=0.1") for _ in range(60)]
        counts = _connections(postgres_server, looks=10)
        assert {request.result().status for request in slow} == {200}
    assert 1 <= max(counts) <= THREADS


def test_a_restart_of_the_database_is_got_over(
    serve: Callable[..., Daphne], postgres_server: Server
) -> None:
    server = serve(PROBE, DATABASE_URL=postgres_server.url)
    assert server.ask("GET", "/slow/?seconds=0").status == 200
    postgres_server.stop()
    postgres_server.start()
    assert {server.ask("GET", "/slow/?seconds=0").status for _number in range(6)} == {200}


def _connections(server: Server, *, looks: int) -> list[int]:
    counts = []
    with psycopg.connect(server.url, autocommit=True) as connection:
        for _number in range(looks):
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchone()
            assert found is not None
            counts.append(int(found[0]))
            time.sleep(0.05)
    return counts
