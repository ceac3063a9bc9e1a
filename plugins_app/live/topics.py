"""What the hub remembers of each watched source: how far it has read, and who listens."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from plugins_app.live import messages
from plugins_app.live.messages import Preview
from plugins_app.live.sources import RunEvents, Source, final_only
from plugins_app.live.subscription import News, Subscription
from plugins_app.models import Run, RunPreview

READ_AT_ONCE: Final = 500


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    status: str
    event_count: int
    preview: int | None


class Topic:
    """A source under watch. What was there at the first look is left to each client to read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.subscriptions: set[Subscription] = set()
        self.known = News()
        self.has_more = False
        self._cursor: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come."""
        return self.known.is_gone or self.known.status is not None

    def look(self) -> News | None:
        """Return what is new since the last look; None when nothing is."""
        return self._note(self._read())

    def _read(self) -> News | None:
        if self._cursor is None:
            position = self.source.position()
            self._cursor = position.last_seq if position else 0
            return News(last_seq=self._cursor)
        found = self.source.read(after=self._cursor, limit=READ_AT_ONCE)
        self.has_more = len(found) == READ_AT_ONCE
        if not found:
            return None
        self._cursor = found[-1].seq
        return News(last_seq=self._cursor, messages=tuple(found))

    def _note(self, news: News | None) -> News | None:
        if news is not None:
            self.known = News(
                last_seq=news.last_seq,
                status=news.status,
                is_gone=news.is_gone,
                preview=news.preview or self.known.preview,
            )
        return news


class RunTopic(Topic):
    def __init__(self, source: RunEvents) -> None:
        super().__init__(source)
        self.run_id = source.run_id
        self._preview_number: int | None = None

    def look_at(self, facts: RunFacts | None, *, thoroughly: bool) -> News | None:
        """Like `look`, by FACTS that were read before.

        Their count of events is only a shortcut: a thorough look asks for the events themselves.
        """
        if facts is None:
            return self._note(News(is_gone=True))
        status = final_only(facts.status)
        is_due = thoroughly or status or facts.event_count > (self._cursor or -1)
        # The picture first: should that fail, no event has been read that nobody will hear of.
        preview = self._newest_preview(facts)
        found = self._read() if is_due else None
        ending = None if self.has_more else status
        if not (found or preview or ending):
            return None
        return self._note(
            News(
                last_seq=self._cursor or 0,
                messages=found.messages if found else (),
                status=ending,
                preview=preview,
            )
        )

    def _newest_preview(self, facts: RunFacts) -> Preview | None:
        if facts.preview is None or facts.preview == self._preview_number:
            return None
        self._preview_number = facts.preview
        row = RunPreview.objects.filter(run=self.run_id).first()
        return messages.preview(bytes(row.message)) if row else None


def topic_of(source: Source) -> Topic:
    return RunTopic(source) if isinstance(source, RunEvents) else Topic(source)


def read_facts(run_ids: list[UUID]) -> dict[UUID, RunFacts]:
    """One query for all watched runs."""
    rows = Run.objects.filter(pk__in=run_ids).values_list(
        "pk", "status", "event_count", "runpreview__number"
    )
    return {
        run_id: RunFacts(status=status, event_count=count, preview=preview)
        for run_id, status, count, preview in rows
    }
