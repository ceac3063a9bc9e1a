"""Taking apart what the background model sees as one."""

import numpy as np
from motion_tracker.follow import Follower
from motion_tracker.parting import LONGEST, Parting

from bulkhead_tracking import NO_BOXES, Boxes

LEFT, RIGHT = [0.0, 0.0, 40.0, 100.0], [50.0, 0.0, 90.0, 100.0]


def ids(count: int) -> np.ndarray:
    return np.arange(1, count + 1)


def boxes(*rows: list[float]) -> Boxes:
    return np.array(rows, float).reshape(-1, 4)


def test_regions_apart_stay_as_they_are() -> None:
    regions = boxes(LEFT, RIGHT)
    assert np.array_equal(Parting().part(regions, ids(2), regions), regions)


def test_a_region_shared_by_two_is_given_back_to_both() -> None:
    both = boxes([0, 0, 90, 100])
    parted = Parting().part(both, ids(2), boxes(LEFT, RIGHT))
    assert parted.tolist() == [LEFT, RIGHT]


def test_parts_do_not_reach_beyond_their_region() -> None:
    both = boxes([5, 0, 85, 100])
    parted = Parting().part(both, ids(2), boxes(LEFT, RIGHT))
    assert parted.tolist() == [[5, 0, 40, 100], [50, 0, 85, 100]]


def test_a_region_that_is_one_track_is_left_to_it() -> None:
    region = boxes(LEFT)
    speck = [10.0, 10.0, 14.0, 14.0]
    far = boxes(LEFT, [200.0, 0.0, 240.0, 100.0])
    assert np.array_equal(Parting().part(region, ids(2), far), region)
    assert len(Parting().part(boxes([0, 0, 200, 200]), ids(2), boxes(LEFT, speck))) == 2


def test_what_stays_together_for_long_becomes_one() -> None:
    parting, both = Parting(), boxes([0, 0, 90, 100])
    counts = [len(parting.part(both, ids(2), boxes(LEFT, RIGHT))) for _ in range(int(LONGEST) + 2)]
    assert counts == [2] * int(LONGEST) + [1, 1]


def test_nothing_is_parted_into_nothing() -> None:
    assert Parting().part(NO_BOXES, ids(0), NO_BOXES).shape == (0, 4)
    assert Parting().part(NO_BOXES, ids(1), boxes(LEFT)).shape == (0, 4)
    assert Parting().part(boxes(LEFT), ids(0), NO_BOXES).tolist() == [LEFT]


def test_two_that_meet_keep_their_ids() -> None:
    ground = np.random.default_rng(5).integers(70, 130, (120, 320, 3), np.uint8)
    follower = Follower()
    first: dict[int, float] = {}
    for step in range(-6, 66):
        picture = ground.copy()
        if step >= 0:
            picture[30:80, 4 * step : 4 * step + 30] = (30, 30, 230)
            picture[40:90, 290 - 4 * step : 320 - 4 * step] = (230, 60, 30)
        seen = follower.follow(picture).sightings
        if not first and len(seen) == 2:
            first = {one.id: one.box[0] for one in seen}
    last = {one.id: one.box[0] for one in seen}
    assert set(last) == set(first)
    assert all(abs(last[key] - first[key]) > 150 for key in first)
