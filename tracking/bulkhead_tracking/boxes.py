"""Arithmetic on boxes: rows of x1, y1, x2, y2 in pixels, many at once."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""Shape (n, 4). A single box is shape (4,)."""

NO_BOXES: Boxes = np.empty((0, 4))


def areas(boxes: Boxes) -> NDArray[np.float64]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """The area that each box of the first shares with each of the second, shape (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def intersections_over_union(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """1 where two boxes are the same, 0 where they do not touch, shape (n, m)."""
    shared = overlaps(first, second)
    either = areas(first)[:, None] + areas(second)[None, :] - shared
    return np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)


def hull(boxes: Boxes) -> NDArray[np.float64]:
    """The smallest box around all of them."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
