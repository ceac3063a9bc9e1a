"""The tracks under way, as columns: one row for each."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bulkhead_tracking.boxes import NO_BOXES, Boxes
from bulkhead_tracking.motion import Motion, Noise

COLUMNS = ("ids", "labels", "scores", "hits", "ages", "unseen", "last_boxes", "past")


@dataclass(kw_only=True)
class Tracks:
    """`ids` are 0 until a track is established. `past` holds the boxes last seen, newest last;
    `last_motion` is the motion as it was when each track was last seen."""

    motion: Motion
    last_motion: Motion
    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    hits: NDArray[np.int64]
    ages: NDArray[np.float64]
    unseen: NDArray[np.float64]
    last_boxes: Boxes
    past: NDArray[np.float64]

    @classmethod
    def none(cls, noise: Noise, remembered: int) -> Self:
        whole, real = np.empty(0, np.int64), np.empty(0)
        return cls(
            motion=Motion.of(NO_BOXES, noise),
            last_motion=Motion.of(NO_BOXES, noise),
            ids=whole,
            labels=whole,
            scores=real,
            hits=whole,
            ages=real,
            unseen=real,
            last_boxes=NO_BOXES,
            past=np.empty((0, remembered + 1, 4)),
        )

    @property
    def established(self) -> NDArray[np.bool_]:
        return self.ids > 0

    @property
    def origins(self) -> Boxes:
        """Where each track was some sightings before its last."""
        return self.past[:, 0]

    def predict(self, steps: float) -> None:
        self.motion.predict(steps)
        self.ages = self.ages + steps
        self.unseen = self.unseen + steps

    def see(
        self,
        rows: NDArray[np.intp],
        motion: Motion,
        boxes: Boxes,
        scores: NDArray[np.float64],
        labels: NDArray[np.int64],
    ) -> None:
        """Note what was seen of some tracks, and how they move by that."""
        self.motion.put(rows, motion)
        self.last_motion.put(rows, motion)
        self.last_boxes[rows] = boxes
        self.past[rows] = np.concatenate([self.past[rows, 1:], boxes[:, None]], axis=1)
        self.scores[rows] = scores
        self.labels[rows] = labels
        self.hits[rows] += 1
        self.unseen[rows] = 0.0

    def add(self, boxes: Boxes, scores: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        """Begin a track with each of the boxes."""
        count, motion = len(boxes), Motion.of(boxes, self.motion.noise)
        self.motion = self.motion.joined(motion)
        self.last_motion = self.last_motion.joined(motion)
        added = {
            "ids": np.zeros(count, np.int64),
            "labels": labels,
            "scores": scores,
            "hits": np.ones(count, np.int64),
            "ages": np.ones(count),
            "unseen": np.zeros(count),
            "last_boxes": boxes,
            "past": np.repeat(boxes[:, None], self.past.shape[1], axis=1),
        }
        for name, values in added.items():
            setattr(self, name, np.concatenate([getattr(self, name), values]))

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Forget the tracks that are not to be kept."""
        if kept.all():
            return
        self.motion, self.last_motion = self.motion.of_rows(kept), self.last_motion.of_rows(kept)
        for name in COLUMNS:
            setattr(self, name, getattr(self, name)[kept])
