"""Keeps one book of all plugins, and replaces it when the registry's clock has moved on."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.conf import settings
from django.db import connection

from plugins_app.errors import RegistryBusy
from plugins_app.models import Plugin, RegistryClock
from plugins_app.registry.freshness import Mark, current_mark
from plugins_app.registry.lock import ReaderWriterLock
from plugins_app.registry.snapshot import PluginSnapshot


@dataclass(frozen=True, kw_only=True)
class Book:
    """Every plugin as of `generation`: one consistent moment of the database."""

    generation: int
    plugins: tuple[PluginSnapshot, ...]
    by_name: Mapping[str, PluginSnapshot]


class Store:
    """Safe to read from any thread. Only committed changes are shared between threads."""

    def __init__(self) -> None:
        self.start_afresh()

    def start_afresh(self) -> None:
        self._lock = ReaderWriterLock()
        self._book: Book | None = None
        self._seen = threading.local()
        self._change = object()

    def note_change(self) -> None:
        self._change = object()  # equal to none before it, which a raced counter could be

    def read(self) -> Book:
        """The book of this moment, with the changes of this thread's own open transaction."""
        mark = current_mark(change=self._change)
        book = self._shared_book()
        if book is not None and mark is not None and mark == self._last_mark():
            return book
        generation = _clock()
        if book is None or book.generation != generation:
            if connection.in_atomic_block:
                # What is not committed is nobody else's business, and may never come to be.
                return _read_book(book)
            book = self._refreshed(stale=book, generation=generation)
        self._seen.mark = mark
        return book

    def _shared_book(self) -> Book | None:
        with self._lock.reading(timeout_seconds=settings.REGISTRY_LOCK_SECONDS):
            return self._book

    def _refreshed(self, *, stale: Book | None, generation: int) -> Book:
        with self._lock.writing(timeout_seconds=settings.REGISTRY_LOCK_SECONDS):
            book = self._book
            # Of many threads that found it stale, the first reads for all.
            if book is None or book is stale or book.generation < generation:
                book = self._book = _read_book(book)
            return book

    def _last_mark(self) -> Mark | None:
        return getattr(self._seen, "mark", None)


def _read_book(known: Book | None) -> Book:
    """Read what changed since KNOWN, until nothing changed while reading: then it is one moment."""
    deadline = time.monotonic() + settings.REGISTRY_LOCK_SECONDS
    generation = _clock()
    while True:
        if known is not None and known.generation > generation:
            known = None  # the database was put back to an older state
        book = _changed_book(known, generation)
        generation = _clock()
        if generation == book.generation:
            return book
        if time.monotonic() > deadline:
            raise RegistryBusy


def _changed_book(known: Book | None, generation: int) -> Book:
    present = set(Plugin.objects.order_by().values_list("pk", flat=True))
    changed = Plugin.objects.changed_since(known.generation) if known else Plugin.objects.all()
    snapshots = {snapshot.id: snapshot for snapshot in known.plugins} if known else {}
    snapshots |= {plugin.pk: PluginSnapshot.of(plugin) for plugin in changed}
    return _book(generation, (s for pk, s in snapshots.items() if pk in present))


def _book(generation: int, snapshots: Iterable[PluginSnapshot]) -> Book:
    plugins = tuple(sorted(snapshots, key=lambda snapshot: snapshot.name))
    by_name = MappingProxyType({snapshot.name: snapshot for snapshot in plugins})
    return Book(generation=generation, plugins=plugins, by_name=by_name)


def _clock() -> int:
    newest = RegistryClock.objects.filter(pk=1).values_list("generation", flat=True)
    return next(iter(newest), 0)
