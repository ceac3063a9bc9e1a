"""Finding what differs from the background."""

import numpy as np
import pytest
from motion_tracker.detect import MotionDetector, merge_fragments
from numpy.typing import NDArray

from bulkhead_tracking import intersections_over_union

Picture = NDArray[np.uint8]


@pytest.fixture
def ground() -> Picture:
    return np.random.default_rng(3).integers(70, 130, (240, 320, 3), np.uint8)


def with_noise(picture: Picture, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0, 2.5, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def with_square(ground: Picture, left: int, side: int = 40) -> Picture:
    picture = ground.copy()
    picture[100 : 100 + side, left : left + side] = (40, 40, 230)
    return picture


def test_a_still_scene_holds_nothing(ground: Picture) -> None:
    detector = MotionDetector()
    for seed in range(40):
        assert not len(detector.detect(with_noise(ground, seed)).boxes)


def test_a_moving_square_is_found_where_it_is(ground: Picture) -> None:
    detector = MotionDetector()
    for seed in range(10):
        detector.detect(with_noise(ground, seed))
    for step in range(12):
        found = detector.detect(with_noise(with_square(ground, 20 + 8 * step), step)).boxes
    truth = np.array([[108.0, 100.0, 148.0, 140.0]])
    assert len(found) == 1
    assert intersections_over_union(truth, found)[0, 0] > 0.75


def test_a_shadow_is_no_object(ground: Picture) -> None:
    detector = MotionDetector()
    for seed in range(20):
        detector.detect(with_noise(ground, seed))
    picture = with_noise(ground, 99)
    picture[60:160, 60:160] = (picture[60:160, 60:160] * 0.7).astype(np.uint8)
    assert not len(detector.detect(picture).boxes)


def test_what_is_too_small_is_left_out(ground: Picture) -> None:
    for percent, count in ((0.5, 1), (5.0, 0)):
        detector = MotionDetector(min_area_percent=percent)
        for seed in range(10):
            detector.detect(with_noise(ground, seed))
        assert len(detector.detect(with_square(ground, 100)).boxes) == count


def test_another_scene_is_a_cut_and_nothing_moves_in_it(ground: Picture) -> None:
    detector = MotionDetector()
    for seed in range(10):
        assert not detector.detect(with_noise(ground, seed)).cut
    other = np.random.default_rng(4).integers(0, 255, ground.shape, np.uint8)
    seen = [detector.detect(with_noise(other, seed)) for seed in range(10)]
    assert [found.cut for found in seen] == [True] + [False] * 9
    assert not any(len(found.boxes) for found in seen)


def test_a_fragment_inside_a_box_joins_it() -> None:
    boxes = np.array([[0, 0, 100, 100], [80, 80, 105, 105], [200, 200, 230, 230]], float)
    assert merge_fragments(boxes).tolist() == [[0, 0, 105, 105], [200, 200, 230, 230]]


def test_no_boxes_merge_to_none() -> None:
    assert merge_fragments(np.empty((0, 4))).shape == (0, 4)
