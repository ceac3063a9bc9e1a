"""Who keeps which id: the tracker on scenes small enough to know the answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bulkhead_tracking import NO_BOXES, Boxes, Settings, Sighting, Tracker
from bulkhead_tracking.association import directions_agree, heights_alike, likeness, pair

CALM = Settings(confirm_after=2)


def at(*places: tuple[float, float], width: float = 40, height: float = 100) -> Boxes:
    return np.array([[x, y, x + width, y + height] for x, y in places], float).reshape(-1, 4)


def sure(boxes: Boxes) -> NDArray[np.float64]:
    return np.full(len(boxes), 0.95)


def follow(tracker: Tracker, frames: list[Boxes]) -> list[list[Sighting]]:
    return [tracker.update(boxes, sure(boxes)) for boxes in frames]


def ids(sightings: list[Sighting]) -> list[int]:
    return [sighting.id for sighting in sightings]


def test_a_track_is_established_after_enough_sightings() -> None:
    frames = [at((10 + 5 * n, 20)) for n in range(5)]
    seen = follow(Tracker(Settings(confirm_after=3, at_once_score=2.0)), frames)
    assert [ids(found) for found in seen] == [[], [], [1], [1], [1]]


def test_a_very_sure_box_is_established_at_once() -> None:
    tracker = Tracker(Settings(confirm_after=3, at_once_score=0.9))
    assert ids(tracker.update(at((0, 0)), np.array([0.95]))) == [1]


def test_a_box_seen_only_once_becomes_no_track() -> None:
    seen = follow(Tracker(CALM), [at((0, 0)), NO_BOXES, at((0, 0)), NO_BOXES])
    assert [ids(found) for found in seen] == [[], [], [], []]


def test_two_that_cross_keep_their_ids() -> None:
    frames = [at((10 * n, 0), (300 - 10 * n, 30)) for n in range(31)]
    seen = follow(Tracker(CALM), frames)
    first = {found.id: found.box[0] for found in seen[1]}
    last = {found.id: found.box[0] for found in seen[-1]}
    assert set(first) == set(last) == {1, 2}
    for identity in (1, 2):
        assert abs(first[identity] - last[identity]) > 200


def test_an_id_survives_a_gap_and_the_way_went_on_meanwhile() -> None:
    tracker = Tracker(CALM)
    follow(tracker, [at((5.0 * n, 0)) for n in range(10)])
    follow(tracker, [NO_BOXES] * 8)
    assert ids(tracker.update(at((5.0 * 18, 0)), np.array([0.95]))) == [1]


def test_after_too_long_a_gap_it_is_another() -> None:
    tracker = Tracker(Settings(confirm_after=1, forget_after=5))
    follow(tracker, [at((0, 0))])
    follow(tracker, [NO_BOXES] * 6)
    assert ids(tracker.update(at((0, 0)), np.array([0.95]))) == [2]


def test_an_unsure_box_goes_on_with_a_track_and_begins_none() -> None:
    tracker = Tracker(CALM)
    follow(tracker, [at((0, 0)), at((2, 0)), at((4, 0))])
    found = tracker.update(at((6, 0), (300, 0)), np.array([0.3, 0.3]))
    assert ids(found) == [1]
    assert found[0].score == pytest.approx(0.3)


def test_labels_are_never_mixed() -> None:
    tracker = Tracker(Settings(confirm_after=1))
    boxes = at((0, 0))
    assert [f.label for f in tracker.update(boxes, sure(boxes), np.array([3]))] == [3]
    found = tracker.update(boxes, sure(boxes), np.array([4]))
    assert [(f.id, f.label) for f in found] == [(2, 4)]


def test_labels_may_change_where_that_is_chosen() -> None:
    tracker = Tracker(Settings(confirm_after=1, labels_apart=False))
    boxes = at((0, 0))
    tracker.update(boxes, sure(boxes), np.array([3]))
    found = tracker.update(boxes, sure(boxes), np.array([4]))
    assert [(f.id, f.label) for f in found] == [(1, 4)]


def test_dropped_frames_are_a_longer_step() -> None:
    tracker = Tracker(CALM)
    follow(tracker, [at((20.0 * n, 0)) for n in range(8)])
    box = at((20.0 * 12, 0))
    assert ids(tracker.update(box, sure(box), steps=5.0)) == [1]


def test_expecting_is_not_counted_twice() -> None:
    one, other = Tracker(CALM), Tracker(CALM)
    for number in range(12):
        boxes = at((7.0 * number, 0))
        one.expect()
        first, second = one.update(boxes, sure(boxes)), other.update(boxes, sure(boxes))
        assert [s.box.tolist() for s in first] == [s.box.tolist() for s in second]
        assert [s.age for s in first] == [s.age for s in second]


def test_unseen_tracks_are_shown_for_as_long_as_asked() -> None:
    tracker = Tracker(Settings(confirm_after=1, shown_unseen=2))
    seen = follow(tracker, [at((0, 0))] + [NO_BOXES] * 3)
    assert [ids(found) for found in seen] == [[1], [1], [1], []]


def test_after_forgetting_ids_go_on_counting() -> None:
    tracker = Tracker(Settings(confirm_after=1))
    boxes = at((0, 0))
    tracker.update(boxes, sure(boxes))
    tracker.forget_all()
    assert ids(tracker.update(boxes, sure(boxes))) == [2]


frames_of_boxes = st.lists(
    st.lists(
        st.tuples(
            st.floats(-100, 1000), st.floats(-100, 1000), st.floats(0, 300), st.floats(0, 300),
            st.floats(0, 1), st.integers(0, 2),
        ),
        max_size=6,
    ),
    max_size=12,
)  # fmt: skip


@settings(deadline=None)
@given(frames_of_boxes, st.floats(0.1, 4))
def test_whatever_is_seen_ids_are_unique_and_boxes_finite(
    frames: list[list[tuple[float, ...]]], steps: float
) -> None:
    tracker = Tracker(Settings(confirm_after=1, shown_unseen=3))
    highest = 0
    for rows in frames:
        table = np.array(rows, float).reshape(-1, 6)
        boxes = np.hstack([table[:, :2], table[:, :2] + table[:, 2:4]])
        found = tracker.update(boxes, table[:, 4], table[:, 5].astype(np.int64), steps=steps)
        assert ids(found) == sorted(set(ids(found)))
        assert all(np.isfinite(sighting.box).all() for sighting in found)
        assert all(number <= highest + len(rows) for number in ids(found))
        highest = max([highest, *ids(found)])


def test_likeness_is_overlap_times_height() -> None:
    first, second = at((0, 0)), at((0, 50))
    assert likeness(first, first, height_weight=1.0, reach=0.0)[0, 0] == pytest.approx(1.0)
    assert heights_alike(first, second)[0, 0] == pytest.approx(1 / 3)
    assert likeness(first, second, height_weight=1.0, reach=0.0)[0, 0] == pytest.approx(1 / 9)


def test_what_is_near_touches_when_grown() -> None:
    first, second = at((0, 0)), at((45, 0))
    assert likeness(first, second, height_weight=0.0, reach=0.0)[0, 0] == 0
    assert likeness(first, second, height_weight=0.0, reach=0.3)[0, 0] > 0


def test_directions_agree_ahead_and_not_behind() -> None:
    ahead, behind = at((50, 0)), at((-50, 0))
    heading = np.array([[1.0, 0.0]])
    assert directions_agree(heading, at((0, 0)), ahead)[0, 0] == pytest.approx(0.5)
    assert directions_agree(heading, at((0, 0)), behind)[0, 0] == pytest.approx(-0.5)
    assert directions_agree(np.zeros((1, 2)), at((0, 0)), ahead)[0, 0] == 0


def test_the_best_pairing_never_takes_what_is_not_allowed() -> None:
    gains = np.array([[0.9, 0.8], [0.85, 0.1]])
    rows, columns = pair(gains, np.array([[True, True], [False, False]]))
    assert list(zip(rows, columns, strict=True)) == [(0, 0)]
    rows, columns = pair(gains, np.ones((2, 2), bool))
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {(0, 1), (1, 0)}
