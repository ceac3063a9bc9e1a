"""The filters: what they expect of boxes that move, and what they make of a gap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bulkhead_tracking import NO_BOXES, Boxes
from bulkhead_tracking.motion import Motion, Noise, measured, replayed

coordinates = st.floats(-500, 2000)
sides = st.floats(1, 500)
boxes = st.builds(
    lambda x, y, w, h: np.array([[x, y, x + w, y + h]]), coordinates, coordinates, sides, sides
)


def moving(step: float, *, speed: float = 6.0) -> Boxes:
    return np.array([[10 + speed * step, 20.0, 50 + speed * step, 120.0]])


def followed(count: int) -> Motion:
    motion = Motion.of(moving(0), Noise())
    for step in range(1, count):
        motion.predict()
        motion.correct(moving(step))
    return motion


@given(boxes)
def test_a_new_box_stands_where_it_was_seen(box: Boxes) -> None:
    assert np.allclose(Motion.of(box, Noise()).boxes, box)


@given(boxes, st.floats(0.1, 50))
def test_without_movement_time_changes_nothing_but_the_doubt(box: Boxes, steps: float) -> None:
    motion = Motion.of(box, Noise())
    before = motion.spread.copy()
    motion.predict(steps)
    assert np.allclose(motion.boxes, box)
    assert (motion.spread > before).all()


@given(boxes, boxes)
def test_seeing_a_box_moves_towards_it_and_never_past_it(first: Boxes, second: Boxes) -> None:
    motion = Motion.of(first, Noise())
    motion.predict()
    motion.correct(second)
    start, goal, now = measured(first), measured(second), motion.state
    assert ((now - start) * (goal - start) >= -1e-6).all()
    assert (np.abs(now - start) <= np.abs(goal - start) + 1e-6).all()


def test_a_steady_movement_is_learnt() -> None:
    motion = followed(20)
    assert motion.velocity[0, 0] == pytest.approx(6.0, abs=0.3)
    motion.predict(5.0)
    assert np.allclose(motion.boxes, moving(24), atol=2.0)


def test_two_half_steps_lead_where_one_whole_step_does() -> None:
    whole, halves = followed(10), followed(10)
    whole.predict(1.0)
    halves.predict(0.5)
    halves.predict(0.5)
    assert np.allclose(whole.boxes, halves.boxes)


def test_each_row_is_a_filter_of_its_own() -> None:
    pair = Motion.of(np.vstack([moving(0), moving(0) + 300]), Noise())
    for step in range(1, 10):
        pair.predict()
        pair.correct(np.vstack([moving(step), moving(-step) + 300]))
    alone = followed(10)
    assert np.allclose(pair.boxes[:1], alone.boxes)
    assert pair.velocity[1, 0] == pytest.approx(-alone.velocity[0, 0])


def test_a_size_never_passes_zero() -> None:
    motion = Motion.of(np.array([[0.0, 0.0, 20.0, 20.0]]), Noise())
    for side in (16.0, 12.0, 8.0, 4.0):
        motion.predict()
        motion.correct(np.array([[0.0, 0.0, side, side]]))
    motion.predict(100.0)
    assert (motion.boxes[:, 2:] > motion.boxes[:, :2]).all()


def test_a_gap_is_replayed_on_a_straight_line() -> None:
    last = followed(10)
    drifted = last.of_rows(np.arange(1))
    for _step in range(10):
        drifted.predict()
    seen_again = moving(9) + np.array([0.0, 50.0, 0.0, 50.0])
    drifted.correct(seen_again)
    motion = replayed(last, moving(9), seen_again, np.array([10.0]))
    assert np.allclose(motion.boxes, seen_again, atol=5.0)
    assert motion.velocity[0, 1] == pytest.approx(5.0, abs=1.5)
    assert abs(motion.velocity[0, 0]) < abs(drifted.velocity[0, 0])


def test_gaps_of_different_length_are_replayed_together() -> None:
    last = Motion.of(np.vstack([moving(0), moving(0)]), Noise())
    target = np.vstack([moving(2), moving(6)])
    together = replayed(last, np.vstack([moving(0)] * 2), target, np.array([2.0, 6.0]))
    for row, steps in ((0, 2.0), (1, 6.0)):
        alone = replayed(
            last.of_rows(np.array([row])), moving(0), target[row : row + 1], np.array([steps])
        )
        assert np.allclose(together.boxes[row], alone.boxes[0])


def test_nothing_is_followed_by_nothing() -> None:
    motion = Motion.of(NO_BOXES, Noise())
    motion.predict()
    motion.correct(NO_BOXES)
    none: NDArray[np.float64] = np.empty(0)
    assert replayed(motion, NO_BOXES, NO_BOXES, none).boxes.shape == (0, 4)
