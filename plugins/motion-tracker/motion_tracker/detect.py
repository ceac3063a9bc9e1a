"""Finds what differs from the background, by the mixture-of-Gaussians model MOG2.

Z. Zivkovic, "Improved adaptive Gaussian mixture model for background subtraction", ICPR 2004.
"""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from bulkhead_tracking import NO_BOXES, Boxes, areas, hull, overlaps

Sensitivity = Literal["low", "normal", "high"]

VARIANCES_APART: Final[dict[Sensitivity, float]] = {"low": 60.0, "normal": 32.0, "high": 16.0}
"""How far, in variances, a pixel must be from its background to count as something else."""

LEARNING_RATE: Final = 0.004
"""Per frame. What stands still is background after some 25 frames (0.1 over the rate): OpenCV's own
rate is far higher in a video's first frames, and there makes background of what merely passes."""

WARM_UP_FRAMES: Final = 4
"""A model of fewer frames takes noise for movement."""

CUT_SHARE: Final = 0.5
"""When this much of the picture changes at once, the scene or the camera changed."""

CERTAIN_FOREGROUND: Final = 255
"""MOG2 marks shadows with a smaller number; they are no objects."""

GHOSTS_FOR_FRAMES: Final = 60
"""What was in the first picture and left is seen as something new for about this long."""

GHOST_SHARE: Final = 0.7
"""What has less of an edge in the picture than this share of the background's is a ghost."""

DISC: Final = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))

INSIDE_SHARE: Final = 0.6
"""A box lying this far within another is a fragment of the same object."""


@dataclass(frozen=True, kw_only=True)
class Detections:
    """What moved in a frame. `cut`: the scene changed, so nothing seen before still holds."""

    boxes: Boxes
    mask: NDArray[np.uint8]
    cut: bool = False

    def scores(self, boxes: Boxes) -> NDArray[np.float64]:
        """How much of each box differs from the background, 0 to 1."""
        corners = np.rint(boxes).astype(int)
        return np.array([_share(self.mask[y1:y2, x1:x2]) for x1, y1, x2, y2 in corners], float)


class MotionDetector:
    """Fed with the frames of one video in their order."""

    def __init__(self, *, sensitivity: Sensitivity = "normal", min_area_percent: float = 0.1):
        self._variances_apart = VARIANCES_APART[sensitivity]
        self._min_area_share = min_area_percent / 100
        self._start_over()

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        """Boxes in the pixels of `picture`."""
        mask = self._foreground(picture)
        self._seen += 1
        if self._seen == 1:
            return Detections(boxes=NO_BOXES, mask=mask)
        if np.count_nonzero(mask) > CUT_SHARE * mask.size:
            self._start_over()
            self._foreground(picture)
            self._seen = 1
            return Detections(boxes=NO_BOXES, mask=mask, cut=True)
        if self._seen <= WARM_UP_FRAMES:
            return Detections(boxes=NO_BOXES, mask=mask)
        if self._seen <= GHOSTS_FOR_FRAMES:
            mask = self._without_ghosts(mask, picture)
        return Detections(boxes=self._boxes(mask), mask=mask)

    def _start_over(self) -> None:
        self._seen = 0
        self._model = cv2.createBackgroundSubtractorMOG2(
            varThreshold=self._variances_apart, detectShadows=True
        )

    def _foreground(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        # Blurring first: single pixels of camera noise would otherwise each be a discovery.
        rate = max(LEARNING_RATE, 1 / (1 + self._seen) if self._seen < WARM_UP_FRAMES else 0.0)
        marked = self._model.apply(cv2.GaussianBlur(picture, (5, 5), 0), learningRate=rate)
        mask = np.where(marked == CERTAIN_FOREGROUND, marked, 0).astype(np.uint8)
        # Opened, specks of noise are gone; closed, an object torn in two is whole. A larger disc
        # would also join people who walk side by side.
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, DISC)
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, DISC), np.uint8)

    def _without_ghosts(
        self, mask: NDArray[np.uint8], picture: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """The mask but for places that something left: there the outline is in the background.

        As in R. Cucchiara et al., "Detecting moving objects, ghosts, and shadows in video streams",
        TPAMI 2003, a ghost is told by what it lacks; here edges, as it need not be seen to move.
        """
        now, before = _edges(picture), _edges(self._model.getBackgroundImage())
        outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, DISC) > 0
        _, regions = cv2.connectedComponents(cv2.dilate(mask, DISC), connectivity=8)
        numbers = regions[outline]
        sums_now, sums_before = (
            np.bincount(numbers, weights=edges[outline], minlength=regions.max() + 1)
            for edges in (now, before)
        )
        ghosts = sums_now < GHOST_SHARE * sums_before
        return np.where(ghosts[regions], 0, mask).astype(np.uint8)

    def _boxes(self, mask: NDArray[np.uint8]) -> Boxes:
        _, _, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        objects = statistics[1:]  # the first component is the background
        large = objects[:, cv2.CC_STAT_AREA] >= self._min_area_share * mask.size
        corners = objects[large, :2].astype(np.float64)
        sizes = objects[large, 2:4].astype(np.float64)
        return merge_fragments(np.hstack([corners, corners + sizes]))


def merge_fragments(boxes: Boxes) -> Boxes:
    """Join every box that lies mostly within another with that one, until none does."""
    boxes = boxes[np.argsort(-areas(boxes))]
    merged: list[NDArray[np.float64]] = []
    for box in boxes:
        pair = next((place for place, big in enumerate(merged) if _lies_within(box, big)), None)
        if pair is None:
            merged.append(box)
        else:
            merged[pair] = hull(np.stack([merged[pair], box]))
    return np.array(merged) if merged else NO_BOXES


def _edges(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How strong the edge is at each pixel, in the colour that shows it best."""
    smooth = cv2.GaussianBlur(picture, (5, 5), 0)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, x, 1 - x) for x in (1, 0))
    return np.asarray(np.sqrt((across**2 + down**2).max(axis=2)), np.float32)


def _lies_within(small: NDArray[np.float64], big: NDArray[np.float64]) -> bool:
    shared = overlaps(small[None], big[None])[0, 0]
    return bool(shared >= INSIDE_SHARE * areas(small[None])[0])


def _share(mask: NDArray[np.uint8]) -> float:
    return float(np.count_nonzero(mask) / mask.size) if mask.size else 0.0
