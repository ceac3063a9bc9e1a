"""What every detector has in common: pictures in, boxes out, all work on one device."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bulkhead_tracking import Boxes

Picture = NDArray[np.uint8]

MOST_FOUND: Final = 300
SAME_OBJECT: Final = 0.6
"""Boxes of one class that overlap more are one object seen twice."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is in one picture, in its pixels, surest first."""

    boxes: Boxes
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]


class Detector(Protocol):
    """`labels` are the names of the classes that `Found.labels` counts."""

    labels: Sequence[str]

    def detect(self, pictures: Sequence[Picture], *, least_score: float) -> list[Found]:
        """Pictures are blue-green-red and all of one size; one Found for each."""
        ...


def on_device(pictures: Sequence[Picture], device: torch.device) -> Tensor:
    """One batch (n, 3, height, width), red-green-blue, 0 to 1: half precision on a GPU."""
    batch = torch.from_numpy(np.stack(pictures))
    if device.type == "cuda":
        # From pinned memory the copy runs beside the GPU's work. As bytes it is a quarter as long.
        batch = batch.pin_memory().to(device, non_blocking=True)
    batch = batch.flip(3).permute(0, 3, 1, 2)
    return batch.to(dtype_on(device)) / 255


def dtype_on(device: torch.device) -> torch.dtype:
    return torch.float16 if device.type == "cuda" else torch.float32


def found(boxes: Tensor, scores: Tensor, labels: Tensor) -> Found:
    """One picture's boxes, off the device: the moment at which its work is waited for."""
    return Found(
        boxes=boxes.double().cpu().numpy(),
        scores=scores.double().cpu().numpy(),
        labels=labels.cpu().numpy(),
    )


def without_doubles(boxes: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """Which boxes stay, surest first: the greedy non-maximum suppression, on the device.

    A box stays when no surer box that stays is the same object. Asked of all at once and asked again
    until nothing changes, that is the greedy result, in as many rounds as boxes hide one another.
    """
    order = torch.argsort(scores, descending=True, stable=True)
    boxes, labels = boxes[order].float(), labels[order]
    same = (_overlap(boxes) > SAME_OBJECT) & (labels[:, None] == labels[None, :])
    surer = torch.tril(same, diagonal=-1)
    stays = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    while True:
        again = ~(surer & stays[None, :]).any(dim=1)
        if torch.equal(again, stays):
            return order[stays]
        stays = again


def _overlap(boxes: Tensor) -> Tensor:
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
    return shared / (areas[:, None] + areas[None, :] - shared).clamp(min=1e-6)
