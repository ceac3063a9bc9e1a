"""What a child said, held against what it may say, in the order it may say it.

The plugin shares its child's process and can write to the channel as it likes. So nothing is
believed here beyond what it could have said by the SDK, and what breaks the rules is a
ProtocolError: the plugin's doing, never the worker's.
"""

from collections.abc import Iterator
from typing import Any, Final, Self

import msgspec

from sandbox.guards import Guard
from sandbox.messages import (
    ARTIFACT_NAME,
    EVENT_KIND,
    Broken,
    Checked,
    Done,
    Emitted,
    Forkable,
    FromChild,
    Guarded,
    Loaded,
    Message,
    NewArtifact,
    Ready,
)
from sandbox.protocol import (
    PREVIEW_HEADER,
    PREVIEW_MAGIC,
    Frame,
    FrameKind,
    FrameReader,
    ProtocolError,
)
from sandbox.reports import Problem, Stage, Status, ToolSpec

RUNNERS_OWN_KINDS: Final = frozenset({"artifact", "preview", "end", "hello"})
ENDINGS: Final = frozenset(
    {Status.SUCCEEDED, Status.REJECTED, Status.FAILED, Status.MEMORY_EXCEEDED}
)
MOST_ARTIFACTS: Final = 1000


class TooManyEvents(Exception):
    """The run emitted more events than its limit."""


class Transcript:
    """One child's words so far. `feed` yields what is news to whoever watches the run."""

    def __init__(self, *, frame_bytes: int, events: int) -> None:
        self._reader = FrameReader(limit=frame_bytes)
        self._events_left = events
        self.broken: str | None = None
        self.guards: tuple[Guard, ...] = ()
        self.unavailable: tuple[Problem, ...] = ()
        self.tools: tuple[ToolSpec, ...] = ()
        self.stage: Stage | None = None
        self.forkable: Forkable | None = None
        self.artifact_names: list[str] = []
        self.done: Done | None = None

    @classmethod
    def of_standby(cls, guards: tuple[Guard, ...], *, frame_bytes: int, events: int) -> Self:
        """Return the transcript of a child whose template has said all but the run's own words."""
        transcript = cls(frame_bytes=frame_bytes, events=events)
        transcript.guards = guards
        transcript.stage = Stage.INITIALIZED
        return transcript

    @property
    def is_at_rest(self) -> bool:
        """True when the end was told, and nothing has begun to come after it."""
        return self.done is not None and not self._reader.has_half_a_frame

    def feed(self, data: bytes) -> Iterator[Emitted | bytes]:
        """Take in DATA; yield the events and packed previews in it, in order.

        What came before a broken rule is yielded before it is raised.
        """
        for frame in self._reader.feed(data):
            if self.done is not None:
                return  # the end is the end
            if frame.kind is FrameKind.PREVIEW:
                yield _checked_preview(frame)
            elif isinstance(message := _message(frame), Emitted):
                yield self._counted(message)
            else:
                self._note(message)

    def _note(self, message: Message) -> None:
        match message:
            case Broken() if not self.guards:
                self.broken = message.message
            case Guarded() if not self.guards:
                self.guards = _values(message.guards, Guard)
            case Checked() if self.guards and self.stage is None:
                self.unavailable = _values(message.unavailable, Problem)
            case Loaded() if self.guards and self.stage is None:
                self.tools = _values(message.tools, ToolSpec)
                self.stage = Stage.IMPORTED
            case Ready() if self.stage is Stage.IMPORTED:
                self.stage = Stage.INITIALIZED
            case Forkable() if self.stage is Stage.INITIALIZED and self.forkable is None:
                self.forkable = message
            case NewArtifact():
                self._note_artifact(message.name)
            case Done():
                self.done = self._checked_end(message)
            case _:
                raise ProtocolError(f"a {type(message).__name__} frame came out of turn")

    def _note_artifact(self, name: str) -> None:
        if not ARTIFACT_NAME.fullmatch(name):
            raise ProtocolError(f"{name[:100]!r} is no artifact name")
        if name not in self.artifact_names:
            self.artifact_names.append(name)
        if len(self.artifact_names) > MOST_ARTIFACTS:
            raise ProtocolError(f"more than {MOST_ARTIFACTS:,} artifacts")

    def _checked_end(self, done: Done) -> Done:
        if done.status not in ENDINGS:
            raise ProtocolError(f"a run cannot end {done.status[:100]!r} by its own word")
        if done.status == Status.SUCCEEDED and self.stage is not Stage.INITIALIZED:
            raise ProtocolError("a result came before the plugin was ready")
        return done

    def _counted(self, event: Emitted) -> Emitted:
        if not EVENT_KIND.fullmatch(event.kind) or event.kind in RUNNERS_OWN_KINDS:
            raise ProtocolError(f"{event.kind[:100]!r} is no event kind")
        if event.kind == "log" and not isinstance(event.data.get("message"), str):
            raise ProtocolError("a log event has no message")
        self._events_left -= 1
        if self._events_left < 0:
            raise TooManyEvents
        return event


def _message(frame: Frame) -> Any:
    try:
        return msgspec.convert(frame.message(), FromChild)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"a frame is no known message: {error}") from None


def _values(items: list[dict[str, Any]], kind: type[Any]) -> tuple[Any, ...]:
    try:
        return tuple(msgspec.convert(item, kind) for item in items)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"a frame holds no {kind.__name__}: {error}") from None


def _checked_preview(frame: Frame) -> bytes:
    if len(frame.payload) <= PREVIEW_HEADER.size or not frame.payload.startswith(PREVIEW_MAGIC):
        raise ProtocolError("a preview frame has no preview header")
    return frame.payload
