"""The plugin: takes a video, tells what moves in it while it looks, and keeps a record."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypedDict

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from bulkhead_tracking import Sighting, intersections_over_union, pictures
from bulkhead_tracking.record import Paths, Record, TrackSummary, record
from bulkhead_tracking.video import Frame, Video, VideoError, open_video
from motion_tracker.detect import Sensitivity
from motion_tracker.follow import Follower
from sandbox.sdk import File, InvalidInput, Plugin, Run, tool

LABELS: Final = ("object",)
PREVIEW_EVERY_SECONDS: Final = 0.1
LEAST_STEP, MOST_STEPS = 0.1, 100.0
"""Times in a file may stand still or leap; the tracks shall not."""

MOST_TRACKS_TOLD: Final = 1_000
"""A result is for reading; `tracks.json` has them all."""


class Tracked(TypedDict):
    frames: int
    width: int
    height: int
    fps: float
    seconds: float
    cuts: list[int]
    tracks_found: int
    tracks: list[TrackSummary]
    processed_fps: float
    summary: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the caller chose."""

    first_frame: int
    stride: int
    max_frames: int
    sensitivity: Sensitivity
    min_area_percent: float
    min_score: float


class MotionTracker(Plugin):
    def validate(self) -> None:
        """Follow a square over a patterned ground: the whole way but for the video file."""
        sightings = _follow_a_square()
        truth = np.array([[64.0, 40.0, 94.0, 70.0]])
        if [sighting.id for sighting in sightings] != [1]:
            raise RuntimeError(
                f"one moving square was taken for {len(sightings)} objects: the installed OpenCV or "
                "NumPy does not work as it should; install the versions in requirements.txt"
            )
        overlap = intersections_over_union(truth, sightings[0].box[None])[0, 0]
        if overlap < 0.5:
            raise RuntimeError(f"a moving square was found in the wrong place (IoU {overlap:.2f})")

    @tool(title="Track", streams=True)
    def track(
        self,
        run: Run,
        video: Annotated[File, Meta(title="Video", description="MP4, MOV, WebM, MKV or AVI.")],
        max_frames: Annotated[
            int, Meta(title="Most frames", description="0: all.", ge=0, le=1_000_000)
        ] = 0,
        first_frame: Annotated[int, Meta(title="First frame", ge=0, le=10_000_000)] = 0,
        stride: Annotated[
            int, Meta(title="Stride", description="Look at every so many frames.", ge=1, le=100)
        ] = 1,
        sensitivity: Annotated[
            Sensitivity, Meta(title="Sensitivity", description="High also finds what is faint.")
        ] = "normal",
        min_area_percent: Annotated[
            float,
            Meta(title="Smallest object", description="In % of the picture.", ge=0.005, le=50),
        ] = 0.1,
        min_score: Annotated[
            float,
            Meta(title="Minimum score", description="Share of its box that moves.", ge=0, le=1),
        ] = 0.0,
        annotate: Annotated[
            bool, Meta(title="Annotate", description="Keep a video with the boxes drawn in.")
        ] = True,
    ) -> Tracked:
        """Follow whatever moves in a video from a camera that stands still."""
        options = Options(
            first_frame=first_frame,
            stride=stride,
            max_frames=max_frames,
            sensitivity=sensitivity,
            min_area_percent=min_area_percent,
            min_score=min_score,
        )
        try:
            with video.open() as source, open_video(source, name=video.name) as opened:
                return _track(run, opened, options, annotate=annotate)
        except VideoError as error:
            raise InvalidInput(str(error)) from None


def _track(run: Run, video: Video, options: Options, *, annotate: bool) -> Tracked:
    began = time.monotonic()
    # Artifacts only now: what is no video leaves none behind.
    paths = Paths(json=run.artifact("tracks.json"), mot=run.artifact("tracks.txt"))
    film_path = run.artifact("annotated.mp4") if annotate else None
    fps = video.facts.fps / options.stride
    with record(paths, LABELS) as kept, pictures.film(film_path, fps) as film:
        work = _Work(run, kept, film, options)
        work.follow(video)
    return work.result(video, elapsed=time.monotonic() - began)


class _Work:
    """One call under way."""

    def __init__(self, run: Run, kept: Record, film: pictures.Film | None, options: Options):
        self._run = run
        self._kept = kept
        self._film = film
        self._options = options
        self._follower = Follower(
            sensitivity=options.sensitivity, min_area_percent=options.min_area_percent
        )
        self._fps = 1.0
        self._cuts: list[int] = []
        self._last: Frame | None = None
        self._first_seconds = 0.0
        self._preview_due = 0.0

    def follow(self, video: Video) -> None:
        options = self._options
        self._fps = video.facts.fps
        total = video.expected(options.first_frame, options.stride, options.max_frames)
        frames = video.frames(
            first=options.first_frame, stride=options.stride, most=options.max_frames
        )
        for frame in frames:
            if self._last is None:
                self._first_seconds = frame.seconds
            self._tell(frame, self._look(frame))
            self._last = frame
            self._run.progress(self._kept.frames, total)

    def result(self, video: Video, *, elapsed: float) -> Tracked:
        assert self._last is not None  # a video without a frame was rejected
        tracks = self._kept.tracks()
        longest = sorted(tracks, key=lambda track: -track["frames"])[:MOST_TRACKS_TOLD]
        frames, seconds = self._kept.frames, self._kept.seconds - self._first_seconds
        return {
            "frames": frames,
            "width": self._last.width,
            "height": self._last.height,
            "fps": round(video.facts.fps, 3),
            "seconds": round(seconds + self._options.stride / video.facts.fps, 3),
            "cuts": self._cuts,
            "tracks_found": len(tracks),
            "tracks": sorted(longest, key=lambda track: track["id"]),
            "processed_fps": round(frames / elapsed, 1),
            "summary": _summary(len(tracks), frames, len(self._cuts)),
        }

    def _look(self, frame: Frame) -> list[Sighting]:
        followed = self._follower.follow(frame.picture, steps=self._steps_to(frame))
        if followed.cut:
            self._cuts.append(frame.number)
            self._run.emit("cut", {"frame": frame.number, "time": round(frame.seconds, 3)})
        return [seen for seen in followed.sightings if seen.score >= self._options.min_score]

    def _steps_to(self, frame: Frame) -> float:
        """The time since the last frame, in frames: dropped ones count, as does the stride."""
        if self._last is None:
            return 1.0
        steps = (frame.seconds - self._last.seconds) * self._fps
        return min(max(steps, LEAST_STEP), MOST_STEPS)

    def _tell(self, frame: Frame, sightings: Sequence[Sighting]) -> None:
        self._run.emit("tracks", self._kept.add(frame, sightings))
        if self._film is not None:
            drawn = pictures.annotated(frame.picture, sightings)
            self._film.add(drawn, seconds=frame.seconds - self._first_seconds)
        if time.monotonic() >= self._preview_due:
            self._preview_due = time.monotonic() + PREVIEW_EVERY_SECONDS
            picture = pictures.jpeg(frame.picture)
            self._run.preview(picture, frame=frame.number, time=frame.seconds)


def _summary(tracks: int, frames: int, cuts: int) -> str:
    words = f"{tracks} moving object{'' if tracks == 1 else 's'} in {frames} frames"
    return f"{words}, {cuts} camera cut{'' if cuts == 1 else 's'}" if cuts else words


def _follow_a_square() -> list[Sighting]:
    random = np.random.default_rng(1)
    ground: NDArray[np.uint8] = random.integers(60, 120, (120, 160, 3), np.uint8)
    follower = Follower()
    sightings: list[Sighting] = []
    for left in [None] * 6 + list(range(4, 65, 4)):
        picture = ground.copy()
        if left is not None:
            picture[40:70, left : left + 30] = 230
        sightings = follower.follow(picture).sightings
    return sightings
