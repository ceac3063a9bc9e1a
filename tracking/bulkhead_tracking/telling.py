"""A video's tracks on their way out: events and previews as they come, records and a film to keep."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypedDict

from bulkhead_tracking import pictures
from bulkhead_tracking.record import Paths, Record, TrackSummary, record
from bulkhead_tracking.tracker import Sighting
from bulkhead_tracking.video import Frame, Video

PREVIEW_EVERY_SECONDS: Final = 0.1
LEAST_STEP, MOST_STEPS = 0.1, 100.0
"""Times in a file may stand still or leap; the tracks shall not."""

MOST_TRACKS_TOLD: Final = 1_000
"""A result is for reading; `tracks.json` has them all."""


class Listener(Protocol):
    """Who is told. The platform's `Run` is one."""

    def progress(self, done: float, total: float | None = None) -> None: ...
    def emit(self, kind: str, data: Mapping[str, Any]) -> None: ...
    def preview(self, jpeg: bytes, *, frame: int = 0, time: float = 0.0) -> None: ...
    def artifact(self, name: str) -> Path: ...


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which frames of a video: from `first` on every `stride`-th, `most` at most (0: all)."""

    first: int = 0
    stride: int = 1
    most: int = 0


class Told(TypedDict):
    """What a result says of every video; `seconds` is how long what was looked at takes to show."""

    frames: int
    width: int
    height: int
    fps: float
    seconds: float
    tracks_found: int
    tracks: list[TrackSummary]
    processed_fps: float


class Telling:
    """One video under way; made by `telling`."""

    def __init__(
        self,
        listener: Listener,
        video: Video,
        choice: Choice,
        labels: Sequence[str],
        kept: Record,
        film: pictures.Film | None,
    ) -> None:
        self._listener = listener
        self._video = video
        self._choice = choice
        # Of one label nobody need be told in every box.
        self._drawn_labels = labels if len(labels) > 1 else ()
        self._kept = kept
        self._film = film
        self._total = video.expected(choice.first, choice.stride, choice.most)
        self._first: Frame | None = None
        self._last: Frame | None = None
        self._preview_due = 0.0
        self._began = time.monotonic()

    def frames(self) -> Iterator[Frame]:
        """The frames to look at; each is to be given to `tell`, in this order."""
        choice = self._choice
        return self._video.frames(first=choice.first, stride=choice.stride, most=choice.most)

    def steps_to(self, frame: Frame) -> float:
        """The time since the last frame told, in frames: dropped ones count, as does the stride."""
        if self._last is None:
            return 1.0
        steps = (frame.seconds - self._last.seconds) * self._video.facts.fps
        return min(max(steps, LEAST_STEP), MOST_STEPS)

    def tell(self, frame: Frame, sightings: Sequence[Sighting]) -> None:
        """Tell and keep what was seen in a frame, in the pixels of its picture."""
        first = self._first = self._first or frame
        self._last = frame
        self._listener.emit("tracks", self._kept.add(frame, sightings))
        if self._film is not None:
            drawn = pictures.annotated(frame.picture, sightings, self._drawn_labels)
            self._film.add(drawn, seconds=frame.seconds - first.seconds)
        self._show(frame)
        self._listener.progress(self._kept.frames, self._total)

    def told(self) -> Told:
        """What was told, once all of it was."""
        assert self._first is not None  # a video without a frame was rejected
        assert self._last is not None
        tracks = self._kept.tracks()
        longest = sorted(tracks, key=lambda track: -track["frames"])[:MOST_TRACKS_TOLD]
        fps = self._video.facts.fps
        shown = self._last.seconds - self._first.seconds + self._choice.stride / fps
        return {
            "frames": self._kept.frames,
            "width": self._last.width,
            "height": self._last.height,
            "fps": round(fps, 3),
            "seconds": round(shown, 3),
            "tracks_found": len(tracks),
            "tracks": sorted(longest, key=lambda track: track["id"]),
            "processed_fps": round(self._kept.frames / (time.monotonic() - self._began), 1),
        }

    def _show(self, frame: Frame) -> None:
        if time.monotonic() < self._preview_due:
            return
        self._preview_due = time.monotonic() + PREVIEW_EVERY_SECONDS
        picture = pictures.jpeg(frame.picture)
        self._listener.preview(picture, frame=frame.number, time=frame.seconds)


@contextmanager
def telling(
    listener: Listener, video: Video, choice: Choice, labels: Sequence[str], *, annotate: bool
) -> Iterator[Telling]:
    """Keep `tracks.json`, `tracks.txt` and, if `annotate`, `annotated.mp4` of what is told. `labels`
    are the names of the sightings' labels."""
    # Asked for only now: what is no video leaves no artifact behind.
    paths = Paths(json=listener.artifact("tracks.json"), mot=listener.artifact("tracks.txt"))
    film_path = listener.artifact("annotated.mp4") if annotate else None
    fps = video.facts.fps / choice.stride
    with record(paths, labels) as kept, pictures.film(film_path, fps) as film:
        yield Telling(listener, video, choice, labels, kept, film)
