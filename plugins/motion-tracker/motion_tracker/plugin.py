"""The plugin: takes a video, tells what moves in it while it looks, and keeps a record."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from bulkhead_tracking import Sighting, intersections_over_union
from bulkhead_tracking.fields import Annotate, FirstFrame, MostFrames, Stride
from bulkhead_tracking.telling import Choice, Telling, Told, telling
from bulkhead_tracking.video import Video, VideoError, open_video
from motion_tracker.detect import Sensitivity
from motion_tracker.follow import Follower
from sandbox.sdk import File, InvalidInput, Plugin, Run, tool

LABELS: Final = ("object",)


class Tracked(Told):
    cuts: list[int]
    summary: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the caller chose."""

    frames: Choice
    sensitivity: Sensitivity
    min_area_percent: float
    min_score: float
    annotate: bool


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
        max_frames: MostFrames = 0,
        first_frame: FirstFrame = 0,
        stride: Stride = 1,
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
        annotate: Annotate = True,
    ) -> Tracked:
        """Follow whatever moves in a video from a camera that stands still."""
        options = Options(
            frames=Choice(first=first_frame, stride=stride, most=max_frames),
            sensitivity=sensitivity,
            min_area_percent=min_area_percent,
            min_score=min_score,
            annotate=annotate,
        )
        try:
            with video.open() as source, open_video(source, name=video.name) as opened:
                return _track(run, opened, options)
        except VideoError as error:
            raise InvalidInput(str(error)) from None


def _track(run: Run, video: Video, options: Options) -> Tracked:
    with telling(run, video, options.frames, LABELS, annotate=options.annotate) as under_way:
        cuts = _follow(run, under_way, options)
    told = under_way.told()
    summary = _summary(told["tracks_found"], told["frames"], len(cuts))
    return {**told, "cuts": cuts, "summary": summary}


def _follow(run: Run, under_way: Telling, options: Options) -> list[int]:
    """Tell what moves in every frame; return the numbers of those where the scene changed."""
    follower = Follower(sensitivity=options.sensitivity, min_area_percent=options.min_area_percent)
    cuts: list[int] = []
    for frame in under_way.frames():
        followed = follower.follow(frame.picture, steps=under_way.steps_to(frame))
        if followed.cut:
            cuts.append(frame.number)
            run.emit("cut", {"frame": frame.number, "time": round(frame.seconds, 3)})
        sure = [seen for seen in followed.sightings if seen.score >= options.min_score]
        under_way.tell(frame, sure)
    return cuts


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
