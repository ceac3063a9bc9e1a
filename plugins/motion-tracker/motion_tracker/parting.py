"""Where objects meet, the background model sees one region: this takes it apart again.

When a region fits the hull of several expected tracks better than any one of them, those tracks are
taken to be in it, each where it is expected.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bulkhead_tracking import NO_BOXES, Boxes, areas, hull, intersections_over_union, overlaps

COVERED: Final = 0.6
"""A track is in a region when this much of its expected box is."""

AS_GOOD: Final = 0.1
"""One object passing right behind another leaves a region hardly larger than the one in front."""


LONGEST: Final = 45.0
"""Steps that a track may go on by its own expectation alone: what is together for longer moves as
one, or was one from the start and only seemed to be several."""


class Parting:
    """Fed with one video's regions in their order."""

    def __init__(self) -> None:
        self._together: dict[int, float] = {}

    def part(
        self, regions: Boxes, ids: NDArray[np.int64], expected: Boxes, steps: float = 1.0
    ) -> Boxes:
        """The regions, those shared by several expected boxes replaced by these."""
        free = np.ones(len(expected), dtype=bool)
        parts: list[Boxes] = [NO_BOXES]
        together: dict[int, float] = {}
        for region in regions:
            inside = _inside(region, expected, free)
            free &= ~inside
            lengths = {key: self._together.get(key, 0.0) + steps for key in ids[inside].tolist()}
            together |= lengths
            is_shared = bool(lengths) and max(lengths.values()) <= LONGEST
            parts.append(_clipped(expected[inside], region) if is_shared else region[None])
        self._together = together
        return np.vstack(parts)


def _inside(region: Boxes, expected: Boxes, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which boxes share the region; none when it is a single object."""
    if not len(expected):
        return free
    inside = free & (overlaps(expected, region[None])[:, 0] >= COVERED * areas(expected))
    if np.count_nonzero(inside) < 2:
        return np.zeros_like(inside)
    alone = intersections_over_union(expected[inside], region[None])[:, 0].max()
    together = intersections_over_union(hull(expected[inside])[None], region[None])[0, 0]
    return inside if together >= alone - AS_GOOD else np.zeros_like(inside)


def _clipped(boxes: Boxes, region: Boxes) -> Boxes:
    return np.hstack([np.maximum(boxes[:, :2], region[:2]), np.minimum(boxes[:, 2:], region[2:])])
