"""A Kalman filter for one box: centre and size, the centre with constant velocity.

The noise grows with the size of the box, as in N. Wojke et al., "Simple online and realtime
tracking with a deep association metric", ICIP 2017: what is near moves by more pixels.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# The state: centre x, centre y, width, height, velocity x, velocity y (pixels per frame).
STEP: Final = np.eye(6)
STEP[0, 4] = STEP[1, 5] = 1.0
SEEN: Final = np.eye(4, 6)

PLACE_NOISE: Final = 0.05
SIZE_NOISE: Final = 0.05
VELOCITY_NOISE: Final = 0.015
"""Standard deviations per frame, as shares of the box's mean side."""


class BoxFilter:
    """Predict once a frame; correct when the box was seen."""

    def __init__(self, box: Vector) -> None:
        self._state = np.concatenate([_measured(box), np.zeros(2)])
        side = self._side
        self._covariance = np.diag([side * 0.1] * 4 + [side * 0.25] * 2) ** 2

    @property
    def box(self) -> Vector:
        centre, size = self._state[:2], np.maximum(self._state[2:4], 1.0)
        return np.concatenate([centre - size / 2, centre + size / 2])

    def predict(self) -> None:
        noise = np.array([PLACE_NOISE / 2] * 2 + [SIZE_NOISE / 2] * 2 + [VELOCITY_NOISE] * 2)
        self._state = STEP @ self._state
        self._covariance = STEP @ self._covariance @ STEP.T + np.diag((noise * self._side) ** 2)

    def correct(self, box: Vector) -> None:
        noise = np.diag(
            [(PLACE_NOISE * self._side) ** 2] * 2 + [(SIZE_NOISE * self._side) ** 2] * 2
        )
        surprise = _measured(box) - SEEN @ self._state
        spread = SEEN @ self._covariance @ SEEN.T + noise
        gain = np.linalg.solve(spread, SEEN @ self._covariance).T
        self._state = self._state + gain @ surprise
        self._covariance = (np.eye(6) - gain @ SEEN) @ self._covariance

    @property
    def _side(self) -> float:
        return float(max(2.0, self._state[2:4].mean()))


def _measured(box: Vector) -> Vector:
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])
