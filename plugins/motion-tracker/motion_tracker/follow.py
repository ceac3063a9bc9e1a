"""From pictures to tracks: detect what moves, part what overlaps, say which is which."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bulkhead_tracking import Boxes, Settings, Sighting, Tracker, overlaps
from motion_tracker.detect import MotionDetector, Sensitivity
from motion_tracker.parting import Parting

IN_PICTURE: Final = 0.05
"""A track with less of its box than this in the picture has left it."""

SETTINGS: Final = Settings(
    # Everything that moves is sure: the score of a region tells its shape, not whether it is there.
    sure_score=0.0,
    least_score=0.0,
    begin_score=0.0,
    confirm_after=4,
    forget_after=15,
    # Fragments come and go at the edges of what moves, so boxes jump: little overlap must do.
    least_likeness=0.1,
    least_likeness_new=0.1,
    least_likeness_last=0.1,
    reach=0.3,
)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """The tracks in a picture, in its pixels. `cut`: the scene changed and all before have ended."""

    sightings: list[Sighting]
    cut: bool


class Follower:
    """Fed with the pictures of one video in their order."""

    def __init__(self, *, sensitivity: Sensitivity = "normal", min_area_percent: float = 0.1):
        self._detector = MotionDetector(sensitivity=sensitivity, min_area_percent=min_area_percent)
        self._tracker = Tracker(SETTINGS)
        self._parting = Parting()

    def follow(self, picture: NDArray[np.uint8], *, steps: float = 1.0) -> Followed:
        """Take the next picture, `steps` frames of time after the last one."""
        found = self._detector.detect(picture)
        if found.cut:
            self._tracker.forget_all()
        ids, expected = self._tracker.expect(steps)
        boxes = self._parting.part(found.boxes, ids, expected, steps)
        sightings = self._tracker.update(boxes, found.scores(boxes))
        height, width = picture.shape[:2]
        whole = np.array([[0.0, 0.0, width, height]])
        return Followed(
            sightings=[sighting for sighting in sightings if _is_in(sighting.box[None], whole)],
            cut=found.cut,
        )


def _is_in(box: Boxes, picture: Boxes) -> bool:
    sides = box[0, 2:] - box[0, :2]
    return bool(overlaps(box, picture)[0, 0] > IN_PICTURE * sides.prod())
