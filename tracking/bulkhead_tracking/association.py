"""Who is who: costs between expected and seen boxes, and the cheapest pairing.

Overlap, fused with the detector's score as in Y. Zhang et al., "ByteTrack", ECCV 2022; likeness of
height as in M. Yang et al., "Hybrid-SORT", AAAI 2024; and the consistency of direction of J. Cao et
al., "Observation-Centric SORT", CVPR 2023.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bulkhead_tracking.boxes import Boxes, intersections_over_union

Table = NDArray[np.float64]
"""Shape (n, m): something about each track and each box."""

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows of the tracks and rows of the boxes, of the same length."""

SMALLEST: Final = 1e-9


def likeness(expected: Boxes, seen: Boxes, *, height_weight: float, reach: float) -> Table:
    """0 to 1: overlap, of boxes grown by `reach` of their size, times likeness of heights to the
    power of `height_weight`."""
    overlap = intersections_over_union(grown(expected, reach), grown(seen, reach))
    if not height_weight:
        return overlap
    return np.asarray(overlap * heights_alike(expected, seen) ** height_weight)


def heights_alike(first: Boxes, second: Boxes) -> Table:
    """What two boxes share of the heights they cover together, shape (n, m)."""
    low = np.maximum(first[:, None, 1], second[None, :, 1])
    high = np.minimum(first[:, None, 3], second[None, :, 3])
    top = np.minimum(first[:, None, 1], second[None, :, 1])
    bottom = np.maximum(first[:, None, 3], second[None, :, 3])
    return np.asarray(np.maximum(high - low, 0.0) / np.maximum(bottom - top, SMALLEST))


def grown(boxes: Boxes, share: float) -> Boxes:
    """Boxes with `share` of their size added on every side: what is near touches then."""
    if not share:
        return boxes
    margin = (boxes[:, 2:] - boxes[:, :2]) * share
    return np.asarray(np.hstack([boxes[:, :2] - margin, boxes[:, 2:] + margin]))


def directions_agree(directions: Table, origins: Boxes, seen: Boxes) -> Table:
    """-0.5 to 0.5: whether a box lies where its track was heading. `directions` are unit vectors,
    (n, 2), zero where unknown; `origins` is where each track was some steps ago."""
    way = _centres(seen)[None, :] - _centres(origins)[:, None]
    way = way / np.maximum(np.linalg.norm(way, axis=2, keepdims=True), SMALLEST)
    cosine = np.clip((way * directions[:, None, :]).sum(axis=2), -1.0, 1.0)
    known = np.linalg.norm(directions, axis=1)[:, None] > 0
    return np.asarray(np.where(known, 0.5 - np.arccos(cosine) / np.pi, 0.0))


def unit_directions(origins: Boxes, now: Boxes) -> Table:
    way = _centres(now) - _centres(origins)
    length = np.linalg.norm(way, axis=1, keepdims=True)
    return np.asarray(np.divide(way, length, out=np.zeros_like(way), where=length > SMALLEST))


def pair(gains: Table, allowed: NDArray[np.bool_]) -> Pairs:
    """The pairing of greatest total gain among the allowed pairs."""
    if not allowed.any():
        none = np.empty(0, np.intp)
        return none, none
    rows, columns = linear_sum_assignment(np.where(allowed, gains, -1e3), maximize=True)
    good = allowed[rows, columns]
    return rows[good], columns[good]


def _centres(boxes: Boxes) -> Table:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)
