"""One call under way: frames with what is in them become tracks, events and records."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from bulkhead_tracking import Settings, Sighting, Tracker
from bulkhead_tracking.telling import Choice, Telling, Told, telling
from bulkhead_tracking.video import Video
from sandbox.sdk import InvalidInput, Run
from video_tracker.detector import Detector, Found
from video_tracker.pipeline import Times, detected

UNSURE_SHARE: Final = 0.4
"""Boxes with this share of the minimum score still go on with a track that is there already."""


class Tracked(Told):
    decoding_share: float
    detecting_share: float
    device_memory_mb: int
    summary: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the caller chose."""

    frames: Choice
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
    times, began = Times(), time.monotonic()
    with telling(
        run, video, options.frames, detector.labels, annotate=options.annotate
    ) as under_way:
        _follow(under_way, detector, _Naming(options.min_score, wanted), options, times)
    elapsed = time.monotonic() - began
    told = under_way.told()
    return {
        **told,
        "decoding_share": round(times.decoding_seconds / elapsed, 3),
        "detecting_share": round(times.detecting_seconds / elapsed, 3),
        "device_memory_mb": device_memory_mb,
        "summary": f"{told['tracks_found']} objects in {told['frames']} frames",
    }


def _follow(
    under_way: Telling, detector: Detector, naming: "_Naming", options: Options, times: Times
) -> None:
    least = options.min_score * UNSURE_SHARE
    for frame, seen in detected(
        under_way.frames(), detector, batch=options.batch, least_score=least, times=times
    ):
        under_way.tell(frame, naming.look(seen, steps=under_way.steps_to(frame)))


class _Naming:
    """Says which found box is which object, and what the object is called."""

    def __init__(self, min_score: float, wanted: frozenset[int]) -> None:
        self._tracker = Tracker(settings_for(min_score))
        self._wanted = sorted(wanted)
        self._votes: dict[int, Counter[int]] = {}

    def look(self, seen: Found, *, steps: float) -> list[Sighting]:
        kept = np.isin(seen.labels, self._wanted)
        sightings = self._tracker.update(
            seen.boxes[kept], seen.scores[kept], seen.labels[kept], steps=steps
        )
        return [replace(sighting, label=self._voted(sighting)) for sighting in sightings]

    def _voted(self, sighting: Sighting) -> int:
        """The label that the object was given most surely so far."""
        votes = self._votes.setdefault(sighting.id, Counter())
        votes[sighting.label] += sighting.score
        return max(votes, key=votes.__getitem__)
