"""The tracker: predicts, pairs in stages, re-updates, begins and ends tracks.

Stages, as in "ByteTrack" (ECCV 2022) and "Observation-Centric SORT" (CVPR 2023):

1. established tracks with the boxes the detector is sure of: overlap, height, direction;
2. those that found none with the boxes it is less sure of: most are the same objects, half hidden;
3. those still left with what remains of the sure boxes, by where each was last seen;
4. tracks not established yet with the rest; what remains then begins new tracks.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bulkhead_tracking import association
from bulkhead_tracking.association import Pairs, Table
from bulkhead_tracking.boxes import NO_BOXES, Boxes
from bulkhead_tracking.motion import Noise, replayed
from bulkhead_tracking.tracks import Tracks

Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Scores are the detector's, likenesses 0 to 1, times in steps."""

    sure_score: float = 0.6
    least_score: float = 0.1
    begin_score: float = 0.7
    at_once_score: float = 2.0
    """A track whose first box scores this is established at once; above 1: none is."""

    least_likeness: float = 0.2
    least_likeness_unsure: float = 0.4
    least_likeness_last: float = 0.3
    least_likeness_new: float = 0.3
    reach: float = 0.0
    height_weight: float = 0.0
    score_weight: float = 0.0
    direction_weight: float = 0.2
    direction_steps: int = 3
    confirm_after: int = 3
    forget_after: float = 30.0
    shown_unseen: float = 0.0
    """So many steps a track is shown where it is expected, after it was last seen."""

    labels_apart: bool = True
    """Whether a track keeps to boxes of its first label; else its label is its last box's."""

    noise: Noise = field(default_factory=Noise)


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """An established track in one frame. `age` counts steps since it was first seen, `unseen` those
    since it was last seen; `score` is its last box's."""

    id: int
    box: NDArray[np.float64]
    score: float
    label: int
    age: int
    unseen: float


class Tracker:
    """Fed with one video's boxes, frame by frame; ids count from 1 and never return."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tracks = Tracks.none(settings.noise, settings.direction_steps)
        self._steps_ahead = 0.0
        self._last_id = 0

    def expect(self, steps: float = 1.0) -> tuple[NDArray[np.int64], Boxes]:
        """Move time on; return the ids of the established tracks and where they are expected to be.
        The next update belongs to this time."""
        self._tracks.predict(steps)
        self._steps_ahead += steps
        established = self._tracks.established
        return self._tracks.ids[established], self._tracks.motion.boxes[established]

    def update(
        self,
        boxes: Boxes,
        scores: NDArray[np.float64],
        labels: NDArray[np.int64] | None = None,
        *,
        steps: float = 1.0,
    ) -> list[Sighting]:
        """Take one frame's boxes, `steps` of time after the last one's; return the established
        tracks in it, oldest first."""
        if not self._steps_ahead:
            self.expect(steps)
        self._steps_ahead = 0.0
        kept = scores >= self._settings.least_score
        labels = np.zeros(len(boxes), np.int64) if labels is None else labels
        seen = _Seen(boxes=boxes[kept], scores=scores[kept], labels=labels[kept])
        self._begin(seen, self._associate(seen))
        self._end()
        return self._sightings()

    def forget_all(self) -> None:
        """End every track: the scene changed."""
        self._tracks = Tracks.none(self._settings.noise, self._settings.direction_steps)

    def _associate(self, seen: "_Seen") -> Rows:
        """See each track's box; return the rows of the boxes that nobody took."""
        chosen = self._settings
        sure = np.flatnonzero(seen.scores >= chosen.sure_score)
        unsure = np.flatnonzero(seen.scores < chosen.sure_score)
        old = np.flatnonzero(self._tracks.established)
        new = np.flatnonzero(~self._tracks.established)
        old, sure = self._stage(old, sure, seen, chosen.least_likeness, heading=True)
        old, _rest = self._stage(old, unsure, seen, chosen.least_likeness_unsure)
        old, sure = self._stage(old, sure, seen, chosen.least_likeness_last, where_last=True)
        _new, sure = self._stage(new, sure, seen, chosen.least_likeness_new)
        return sure

    def _stage(
        self,
        tracks: Rows,
        boxes: Rows,
        seen: "_Seen",
        least: float,
        *,
        heading: bool = False,
        where_last: bool = False,
    ) -> tuple[Rows, Rows]:
        """Pair some tracks with some boxes; return the tracks and boxes that found no partner."""
        if not len(tracks) or not len(boxes):
            return tracks, boxes
        own = self._tracks
        expected = own.last_boxes[tracks] if where_last else own.motion.boxes[tracks]
        likeness = association.likeness(
            expected,
            seen.boxes[boxes],
            height_weight=self._settings.height_weight,
            reach=self._settings.reach,
        )
        allowed = likeness >= least
        if self._settings.labels_apart:
            allowed &= own.labels[tracks][:, None] == seen.labels[boxes][None, :]
        gains = likeness * seen.scores[boxes][None, :] ** self._settings.score_weight
        if heading and self._settings.direction_weight:
            gains = gains + self._settings.direction_weight * self._heading(tracks, seen, boxes)
        first, second = association.pair(gains, allowed)
        self._see((tracks[first], boxes[second]), seen)
        return np.delete(tracks, first), np.delete(boxes, second)

    def _heading(self, tracks: Rows, seen: "_Seen", boxes: Rows) -> Table:
        origins = self._tracks.origins[tracks]
        directions = association.unit_directions(origins, self._tracks.last_boxes[tracks])
        agreement = association.directions_agree(directions, origins, seen.boxes[boxes])
        return agreement * seen.scores[boxes][None, :]

    def _see(self, pairs: Pairs, seen: "_Seen") -> None:
        rows, columns = pairs
        if not len(rows):
            return
        tracks, boxes = self._tracks, seen.boxes[columns]
        gap = tracks.unseen[rows]
        at_once = gap <= 1.0
        motion = tracks.motion.of_rows(rows)
        motion.correct(boxes)
        if not at_once.all():
            late = np.flatnonzero(~at_once)
            motion.put(
                late,
                replayed(
                    tracks.last_motion.of_rows(rows[late]),
                    tracks.last_boxes[rows[late]],
                    boxes[late],
                    gap[late],
                ),
            )
        tracks.see(rows, motion, boxes, seen.scores[columns], seen.labels[columns])

    def _begin(self, seen: "_Seen", free: Rows) -> None:
        free = free[seen.scores[free] >= self._settings.begin_score]
        if len(free):
            self._tracks.add(seen.boxes[free], seen.scores[free], seen.labels[free])

    def _end(self) -> None:
        tracks, chosen = self._tracks, self._settings
        ripe = (tracks.hits >= chosen.confirm_after) | (
            (tracks.hits == 1) & (tracks.scores >= chosen.at_once_score)
        )
        for row in np.flatnonzero(ripe & ~tracks.established):
            self._last_id += 1
            tracks.ids[row] = self._last_id
        patience = np.where(tracks.established, chosen.forget_after, 0.0)
        self._tracks.keep(tracks.unseen <= patience)

    def _sightings(self) -> list[Sighting]:
        tracks = self._tracks
        shown = tracks.established & (tracks.unseen <= self._settings.shown_unseen)
        boxes = tracks.motion.boxes
        return [
            Sighting(
                id=int(tracks.ids[row]),
                box=boxes[row],
                score=float(tracks.scores[row]),
                label=int(tracks.labels[row]),
                age=round(float(tracks.ages[row])),
                unseen=float(tracks.unseen[row]),
            )
            for row in sorted(np.flatnonzero(shown), key=lambda row: tracks.ids[row])
        ]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """One frame's boxes."""

    boxes: Boxes = field(default_factory=NO_BOXES.copy)
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
