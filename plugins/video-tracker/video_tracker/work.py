"""One call under way: frames with what is in them become tracks, events and records."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypedDict

import numpy as np

from bulkhead_tracking import Settings, Sighting, Tracker, pictures
from bulkhead_tracking.record import Paths, Record, TrackSummary, record
from bulkhead_tracking.video import Frame, Video
from sandbox.sdk import InvalidInput, Run
from video_tracker.detector import Detector, Found
from video_tracker.pipeline import Times, detected

PREVIEW_EVERY_SECONDS: Final = 0.1
MOST_TRACKS_TOLD: Final = 1_000
UNSURE_SHARE: Final = 0.4
"""Boxes with this share of the minimum score still go on with a track that is there already."""

LEAST_STEP, MOST_STEPS = 0.1, 100.0


class Tracked(TypedDict):
    frames: int
    width: int
    height: int
    fps: float
    seconds: float
    tracks_found: int
    tracks: list[TrackSummary]
    processed_fps: float
    decoding_share: float
    detecting_share: float
    device_memory_mb: int
    summary: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the caller chose."""

    first_frame: int
    stride: int
    max_frames: int
    classes: Sequence[str]
    min_score: float
    annotate: bool
    batch: int


def settings_for(min_score: float) -> Settings:
    return Settings(
        sure_score=min_score,
        begin_score=min_score,
        least_score=min_score * UNSURE_SHARE,
        confirm_after=2,
        forget_after=30,
        reach=0.1,
        height_weight=0.5,
        # A detector that wavers between two names for an object still sees the same object.
        labels_apart=False,
    )


def wanted_classes(names: Sequence[str], labels: Sequence[str]) -> frozenset[int]:
    """The numbers of the classes to follow; none named: all. Raises InvalidInput for others."""
    if strangers := sorted(set(names) - set(labels)):
        raise InvalidInput(
            f"the detector does not know {', '.join(strangers)}; it knows {', '.join(labels)}"
        )
    return frozenset(n for n, label in enumerate(labels) if not names or label in names)


def track_video(
    run: Run, video: Video, detector: Detector, options: Options, *, device_memory_mb: int = 0
) -> Tracked:
    """Follow what the detector finds in a video."""
    wanted = wanted_classes(options.classes, detector.labels)
    paths = Paths(json=run.artifact("tracks.json"), mot=run.artifact("tracks.txt"))
    film_path = run.artifact("annotated.mp4") if options.annotate else None
    fps = video.facts.fps / options.stride
    with record(paths, detector.labels) as kept, pictures.film(film_path, fps) as film:
        work = _Work(run, kept, film, options)
        work.follow(video, detector, wanted)
    return work.result(video, device_memory_mb)


class _Work:
    def __init__(
        self, run: Run, kept: Record, film: pictures.Film | None, options: Options
    ) -> None:
        self._run = run
        self._kept = kept
        self._film = film
        self._options = options
        self._tracker = Tracker(settings_for(options.min_score))
        self._votes: dict[int, Counter[int]] = {}
        self._times = Times()
        self._began = time.monotonic()
        self._first: Frame | None = None
        self._last: Frame | None = None
        self._preview_due = 0.0

    def follow(self, video: Video, detector: Detector, wanted: frozenset[int]) -> None:
        options = self._options
        total = video.expected(options.first_frame, options.stride, options.max_frames)
        frames = video.frames(
            first=options.first_frame, stride=options.stride, most=options.max_frames
        )
        least = options.min_score * UNSURE_SHARE
        for frame, seen in detected(
            frames, detector, batch=options.batch, least_score=least, times=self._times
        ):
            sightings = self._look(frame, seen, wanted, video.facts.fps)
            self._tell(frame, sightings, detector.labels)
            self._run.progress(self._kept.frames, total)

    def result(self, video: Video, device_memory_mb: int) -> Tracked:
        assert self._first is not None  # a video without a frame was rejected
        assert self._last is not None
        elapsed = time.monotonic() - self._began
        tracks = self._kept.tracks()
        longest = sorted(tracks, key=lambda track: -track["frames"])[:MOST_TRACKS_TOLD]
        seconds = self._last.seconds - self._first.seconds
        return {
            "frames": self._kept.frames,
            "width": self._last.width,
            "height": self._last.height,
            "fps": round(video.facts.fps, 3),
            "seconds": round(seconds + self._options.stride / video.facts.fps, 3),
            "tracks_found": len(tracks),
            "tracks": sorted(longest, key=lambda track: track["id"]),
            "processed_fps": round(self._kept.frames / elapsed, 1),
            "decoding_share": round(self._times.decoding_seconds / elapsed, 3),
            "detecting_share": round(self._times.detecting_seconds / elapsed, 3),
            "device_memory_mb": device_memory_mb,
            "summary": f"{len(tracks)} objects in {self._kept.frames} frames",
        }

    def _look(
        self, frame: Frame, seen: Found, wanted: frozenset[int], fps: float
    ) -> list[Sighting]:
        steps = 1.0 if self._last is None else (frame.seconds - self._last.seconds) * fps
        self._first, self._last = self._first or frame, frame
        kept = np.isin(seen.labels, sorted(wanted))
        sightings = self._tracker.update(
            seen.boxes[kept],
            seen.scores[kept],
            seen.labels[kept],
            steps=min(max(steps, LEAST_STEP), MOST_STEPS),
        )
        return [replace(sighting, label=self._voted(sighting)) for sighting in sightings]

    def _voted(self, sighting: Sighting) -> int:
        """The label that the object was given most surely so far."""
        votes = self._votes.setdefault(sighting.id, Counter())
        votes[sighting.label] += sighting.score
        return max(votes, key=votes.__getitem__)

    def _tell(self, frame: Frame, sightings: Sequence[Sighting], labels: Sequence[str]) -> None:
        self._run.emit("tracks", self._kept.add(frame, sightings))
        if self._film is not None and self._first is not None:
            drawn = pictures.annotated(frame.picture, sightings, labels)
            self._film.add(drawn, seconds=frame.seconds - self._first.seconds)
        if time.monotonic() >= self._preview_due:
            self._preview_due = time.monotonic() + PREVIEW_EVERY_SECONDS
            picture = pictures.jpeg(frame.picture)
            self._run.preview(picture, frame=frame.number, time=frame.seconds)
