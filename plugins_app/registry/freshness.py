"""How a thread knows, without a query, that nothing was committed since it last looked."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Two equal marks of one thread: nothing changed in between, by anyone, in any process.

    `connection` is the object itself, not its id, which a later one may be given again.
    """

    connection: Any
    commits_of_others: int
    own_writes: int
    change: object


def current_mark(*, change: object) -> Mark | None:
    """Return the mark of this moment; None where only a query can tell.

    SQLite's data_version moves with every commit of any other connection, and total_changes with
    every row this one writes, committed or not.
    """
    if connection.vendor != "sqlite":
        return None
    connection.ensure_connection()
    raw = connection.connection
    with connection.wrap_database_errors, closing(raw.execute("PRAGMA data_version")) as rows:
        (version,) = rows.fetchone()
    return Mark(
        connection=raw,
        commits_of_others=version,
        own_writes=raw.total_changes,
        change=change,
    )
