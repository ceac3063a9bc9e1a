"""Every plugin's record, read from memory. A change by any process is seen on the next read.

Reads cost no query per plugin: on SQLite none at all while nothing was committed, else one query of
a single row. A read inside a transaction sees that transaction's own changes. Every function raises
RegistryBusy when the lock cannot be had within REGISTRY_LOCK_SECONDS.
"""

import os
from typing import Final

from plugins_app.registry.snapshot import PluginSnapshot
from plugins_app.registry.store import Store

__all__ = ["PluginSnapshot", "all", "forget", "generation", "get", "note_change"]

_store: Final = Store()
# A lock that another thread held at the moment of a fork would never be released in the child.
os.register_at_fork(after_in_child=_store.start_afresh)


def get(name: str) -> PluginSnapshot | None:
    """The plugin named NAME as it is now; None when there is none."""
    return _store.read().by_name.get(name)


def all() -> tuple[PluginSnapshot, ...]:  # noqa: A001 - reads well as registry.all()
    """Every plugin, by name, all of one moment."""
    return _store.read().plugins


def generation() -> int:
    """The number of the newest change: the same number, the same answer of `all`."""
    return _store.read().generation


def note_change() -> None:
    """Say that this process committed a change, so that no thread trusts what it has seen."""
    _store.note_change()


def forget() -> None:
    """Drop everything known, as when the database itself was put back; for tests."""
    _store.start_afresh()
