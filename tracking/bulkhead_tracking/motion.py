"""Kalman filters for many boxes at once: centre and size, each with a constant velocity.

The four numbers of a box are filtered apart: with noise that is independent between them, the usual
8x8 covariance is four blocks of 2x2, and a step for all boxes is a dozen operations on arrays. The
noise grows with the size of the box, as in N. Wojke et al., "Simple online and realtime tracking
with a deep association metric", ICIP 2017: what is near moves by more pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bulkhead_tracking.boxes import Boxes

Rows = NDArray[np.float64]
"""Shape (n, 4): centre x, centre y, width, height, or something about each of them."""

Index = NDArray[np.intp] | NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Standard deviations as shares of a box's height; `place` and `velocity` per step."""

    seen: float = 0.05
    place: float = 0.05
    velocity: float = 0.00625
    first_velocity: float = 0.0625


@dataclass(kw_only=True)
class Motion:
    """Where boxes are and how they move. Every array has one row for each."""

    state: Rows
    velocity: Rows
    spread: Rows
    bond: Rows
    velocity_spread: Rows
    noise: Noise

    @classmethod
    def of(cls, boxes: Boxes, noise: Noise) -> Self:
        """Boxes just seen for the first time: their velocity is not known."""
        state = measured(boxes)
        scale = _scale(state)
        return cls(
            state=state,
            velocity=np.zeros_like(state),
            spread=(2 * noise.seen * scale) ** 2 + np.zeros_like(state),
            bond=np.zeros_like(state),
            velocity_spread=(noise.first_velocity * scale) ** 2 + np.zeros_like(state),
            noise=noise,
        )

    @property
    def boxes(self) -> Boxes:
        half = np.maximum(self.state[:, 2:], 1.0) / 2
        return np.hstack([self.state[:, :2] - half, self.state[:, :2] + half])

    def predict(self, steps: float = 1.0) -> None:
        """Move on by so many steps of time."""
        scale = _scale(self.state)
        self.state = self.state + self.velocity * steps
        # A size that would pass zero stays: its velocity is noise by then.
        self.state[:, 2:] = np.maximum(self.state[:, 2:], 1.0)
        self.spread = (
            self.spread
            + 2 * steps * self.bond
            + steps**2 * self.velocity_spread
            + steps * (self.noise.place * scale) ** 2
        )
        self.bond = self.bond + steps * self.velocity_spread
        self.velocity_spread = self.velocity_spread + steps * (self.noise.velocity * scale) ** 2

    def correct(self, boxes: Boxes) -> None:
        """Take what was seen of every box."""
        surprise = measured(boxes) - self.state
        total = self.spread + (self.noise.seen * _scale(self.state)) ** 2
        gain, velocity_gain = self.spread / total, self.bond / total
        self.state = self.state + gain * surprise
        self.velocity = self.velocity + velocity_gain * surprise
        self.velocity_spread = self.velocity_spread - velocity_gain * self.bond
        self.bond = self.bond * (1 - gain)
        self.spread = self.spread * (1 - gain)

    def of_rows(self, rows: Index) -> "Motion":
        return self._each(lambda array: array[rows])

    def put(self, rows: Index, other: "Motion") -> None:
        """Replace some rows by those of another."""
        for name in ARRAYS:
            getattr(self, name)[rows] = getattr(other, name)

    def joined(self, other: "Motion") -> "Motion":
        parts = {n: np.vstack([getattr(self, n), getattr(other, n)]) for n in ARRAYS}
        return Motion(**parts, noise=self.noise)

    def _each(self, change: Callable[[Rows], Rows]) -> "Motion":
        return Motion(**{n: change(getattr(self, n)) for n in ARRAYS}, noise=self.noise)


ARRAYS = ("state", "velocity", "spread", "bond", "velocity_spread")


def replayed(last: Motion, seen_last: Boxes, seen_now: Boxes, steps: NDArray[np.float64]) -> Motion:
    """What the motion would be had each box been seen all the way, on a straight line, from
    `seen_last` to `seen_now`, `steps` later; `last` is the motion as it was then.

    The observation-centric re-update of J. Cao et al., "Observation-Centric SORT", CVPR 2023: while
    an object is unseen the filter's error grows with the square of the time, and this takes it back.
    """
    motion = last.of_rows(np.arange(len(seen_now)))
    counts = np.maximum(np.rint(steps), 1).astype(int)
    for step in range(1, int(counts.max(initial=0)) + 1):
        rows = np.flatnonzero(counts >= step)
        part = motion.of_rows(rows)
        part.predict()
        way = (step / counts[rows])[:, None]
        part.correct(seen_last[rows] + way * (seen_now[rows] - seen_last[rows]))
        motion.put(rows, part)
    return motion


def measured(boxes: Boxes) -> Rows:
    return np.hstack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]])


def _scale(state: Rows) -> Rows:
    return np.maximum(state[:, 3:4], 2.0)
