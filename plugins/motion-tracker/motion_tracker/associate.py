"""Gives every object an id and keeps it: which box of this frame is which object of the last.

Each track predicts its box; tracks and boxes are paired at the least total cost (overlap, distance
and likeness of size). Where objects meet, the background model sees one blob: when a box fits the
hull of several tracks better than any one of them, these tracks are taken to be behind each other,
and go on by their own prediction until the blob parts again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from motion_tracker.boxes import Boxes, areas, hull, intersections_over_union, overlaps
from motion_tracker.kalman import BoxFilter, Vector

FURTHEST: Final = 1.0
"""The farthest a box may be from where its track was expected, in diagonals of the larger one."""

MOST_GROWTH: Final = 4.0
COVERED: Final = 0.6
"""A track is in a blob when this much of its expected box is."""

AS_GOOD: Final = 0.1
"""One object passing right behind another leaves a blob hardly larger than the one in front."""

HIDDEN_PATIENCE: Final = 3
"""Being hidden explains not being seen: such a track is remembered this many times longer."""

SHOWN_UNSEEN_FRAMES: Final = 2
"""A track not seen for longer is still remembered, but no longer shown: it is a guess by then."""

SCORE_MEMORY: Final = 0.8
IMPOSSIBLE: Final = 1e6


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`confirm_after` sightings make a track; `forget_after` frames unseen end it."""

    width: int
    height: int
    confirm_after: int = 3
    forget_after: int = 15


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """A track in one frame: `score` is the share of late frames in which it was really seen,
    `age` the frames since it was first seen."""

    id: int
    box: Vector
    score: float
    age: int


class Track:
    """One object followed. Has an id from its confirmation on, 0 before."""

    def __init__(self, box: Vector) -> None:
        self._filter = BoxFilter(box)
        self.id = 0
        self.age = 1
        self.hits = 1
        self.unseen = 0
        self.hidden = False
        self.score = 1.0 - SCORE_MEMORY

    @property
    def box(self) -> Vector:
        return self._filter.box

    def expect(self) -> None:
        self._filter.predict()
        self.age += 1

    def see(self, box: Vector) -> None:
        self._filter.correct(box)
        self.hits += 1
        self.unseen = 0
        self.hidden = False
        self._score(seen=True)

    def miss(self, *, hidden: bool) -> None:
        self.unseen += 1
        self.hidden = hidden
        self._score(seen=False)

    def _score(self, *, seen: bool) -> None:
        self.score = SCORE_MEMORY * self.score + (1.0 - SCORE_MEMORY) * seen


class Tracker:
    """Fed with the boxes of one video's frames in their order; ids count from 1 and never return."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tracks: list[Track] = []
        self._last_id = 0

    def update(self, boxes: Boxes) -> list[Sighting]:
        """Take one frame's boxes; return the confirmed tracks to be shown in it, oldest id first."""
        for track in self._tracks:
            track.expect()
        free_tracks, free_boxes = self._hide_behind_each_other(boxes)
        for is_confirmed in (True, False):  # an established track has the first choice
            choosing = [track for track in free_tracks if bool(track.id) is is_confirmed]
            left, free_boxes = _pair(choosing, free_boxes)
            for track in left:
                track.miss(hidden=False)
        self._tracks += [Track(box) for box in free_boxes]
        self._confirm_and_forget()
        return self._sightings()

    def forget_all(self) -> None:
        """End every track: the scene changed."""
        self._tracks.clear()

    def _hide_behind_each_other(self, boxes: Boxes) -> tuple[list[Track], Boxes]:
        """Hide the tracks that share a blob; return the other tracks and the other boxes."""
        tracks = list(self._tracks)
        single = np.ones(len(boxes), dtype=bool)
        for place, blob in enumerate(boxes):
            behind = _sharing([track for track in tracks if track.id], blob)
            if behind:
                single[place] = False
                for track in behind:
                    track.miss(hidden=True)
                    tracks.remove(track)
        return tracks, boxes[single]

    def _confirm_and_forget(self) -> None:
        for track in self._tracks:
            if not track.id and track.hits >= self._settings.confirm_after:
                self._last_id += 1
                track.id = self._last_id
        self._tracks = [track for track in self._tracks if self._is_alive(track)]

    def _is_alive(self, track: Track) -> bool:
        if not track.id:
            return track.unseen == 0
        patience = self._settings.forget_after * (HIDDEN_PATIENCE if track.hidden else 1)
        return track.unseen <= patience and self._is_in_picture(track)

    def _is_in_picture(self, track: Track) -> bool:
        picture = np.array([[0.0, 0.0, self._settings.width, self._settings.height]])
        inside = overlaps(track.box[None], picture)[0, 0]
        return bool(inside > 0.05 * areas(track.box[None])[0])

    def _sightings(self) -> list[Sighting]:
        shown = [
            track
            for track in self._tracks
            if track.id and (track.hidden or track.unseen <= SHOWN_UNSEEN_FRAMES)
        ]
        return [
            Sighting(id=track.id, box=self._clipped(track.box), score=track.score, age=track.age)
            for track in sorted(shown, key=lambda track: track.id)
        ]

    def _clipped(self, box: Vector) -> Vector:
        width, height = self._settings.width, self._settings.height
        return np.clip(box, 0.0, [width, height, width, height])


def _sharing(tracks: Sequence[Track], blob: Vector) -> list[Track]:
    """The tracks that together make this blob; none when it is a single object."""
    if len(tracks) < 2:
        return []
    expected = np.stack([track.box for track in tracks])
    inside = overlaps(expected, blob[None])[:, 0] >= COVERED * areas(expected)
    if np.count_nonzero(inside) < 2:
        return []
    likeness = intersections_over_union(expected[inside], blob[None])[:, 0]
    together = intersections_over_union(hull(expected[inside])[None], blob[None])[0, 0]
    if together < likeness.max() - AS_GOOD:
        return []
    return [track for track, is_inside in zip(tracks, inside, strict=True) if is_inside]


def _pair(tracks: Sequence[Track], boxes: Boxes) -> tuple[list[Track], Boxes]:
    """Show each track its box; return the tracks and the boxes that found no partner."""
    if not tracks or not len(boxes):
        return list(tracks), boxes
    costs = _costs(np.stack([track.box for track in tracks]), boxes)
    left_tracks, left_boxes = set(range(len(tracks))), set(range(len(boxes)))
    for row, column in zip(*linear_sum_assignment(costs), strict=True):
        if costs[row, column] < IMPOSSIBLE:
            tracks[row].see(boxes[column])
            left_tracks.remove(int(row))
            left_boxes.remove(int(column))
    return [tracks[row] for row in sorted(left_tracks)], boxes[sorted(left_boxes)]


def _costs(expected: Boxes, boxes: Boxes) -> NDArray[np.float64]:
    """0 for a box just as expected; IMPOSSIBLE for one too far away or of quite another size."""
    centres = (expected[:, None, :2] + expected[:, None, 2:]) / 2
    distances = np.linalg.norm(centres - (boxes[None, :, :2] + boxes[None, :, 2:]) / 2, axis=2)
    diagonals = np.maximum(_diagonals(expected)[:, None], _diagonals(boxes)[None, :])
    farness = distances / diagonals
    growth = np.abs(np.log(areas(boxes)[None, :] / areas(expected)[:, None]))
    costs = 1.0 - intersections_over_union(expected, boxes) + farness + 0.3 * growth
    costs[(farness > FURTHEST) | (growth > np.log(MOST_GROWTH))] = IMPOSSIBLE
    return costs


def _diagonals(boxes: Boxes) -> NDArray[np.float64]:
    return np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)
