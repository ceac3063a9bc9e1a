"""Pictures to learn from: shapes of random kind, size, colour and place over random grounds."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float32]
Scene = tuple[Picture, Boxes, NDArray[np.int64]]
"""A picture (side, side, 3), the boxes of its shapes (n, 4) and their labels (n,)."""

LABELS: Final = ("round", "triangle", "square", "star")
SIDE: Final = 192
MOST_SHAPES: Final = 4
ROUND_CORNERS: Final = (6, 8, 12, 48)
EMPTY_SHARE: Final = 0.1


def scene(random: Generator, side: int = SIDE) -> Scene:
    picture = _ground(random, side)
    boxes: list[NDArray[np.float64]] = []
    labels: list[int] = []
    count = 0 if random.random() < EMPTY_SHARE else int(random.integers(1, MOST_SHAPES + 1))
    for _number in range(count):
        label = int(random.integers(len(LABELS)))
        outline = _outline(random, label, side)
        box = np.clip(np.concatenate([outline.min(axis=0), outline.max(axis=0)]), 0, side)
        if min(box[2] - box[0], box[3] - box[1]) < 8 or _is_hidden(box, boxes):
            continue
        _paint(picture, outline, random)
        boxes.append(box)
        labels.append(label)
    return (
        _with_camera(picture, random),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
    )


def _outline(random: Generator, label: int, side: int) -> NDArray[np.float64]:
    corners = {
        "round": int(random.choice(ROUND_CORNERS)), "triangle": 3, "square": 4, "star": 10,
    }[LABELS[label]]  # fmt: skip
    radius = random.uniform(0.06, 0.27) * side
    centre = random.uniform(-0.02, 1.02, 2) * side
    angles = random.uniform(0, 2 * math.pi) + np.arange(corners) * (2 * math.pi / corners)
    radii = np.full(corners, radius)
    if LABELS[label] == "star":
        radii[1::2] *= random.uniform(0.42, 0.58)
    return np.asarray(
        np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], axis=1)
    )


def _is_hidden(box: NDArray[np.float64], others: list[NDArray[np.float64]]) -> bool:
    """Whether too much of it would lie over another: nobody could tell what was below."""
    for other in others:
        sides = np.maximum(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0)
        smaller = min(np.prod(box[2:] - box[:2]), np.prod(other[2:] - other[:2]))
        if sides.prod() > 0.5 * smaller:
            return True
    return False


def _ground(random: Generator, side: int) -> Picture:
    grey = np.full((side, side), random.uniform(40, 200), np.float32)
    grey += np.linspace(-1, 1, side, dtype=np.float32)[:, None] * random.uniform(-40, 40)
    for blotch in (64, 16, 4):
        coarse = random.standard_normal((side // blotch + 2, side // blotch + 2), np.float32)
        smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        grey += np.float32(random.uniform(2, 24)) * smooth
    tint = random.uniform(0.85, 1.15, 3).astype(np.float32)
    return np.clip(grey[:, :, None] * tint, 0, 255).astype(np.uint8)


def _paint(picture: Picture, outline: NDArray[np.float64], random: Generator) -> None:
    ground = picture.reshape(-1, 3).mean(axis=0)
    colour = random.integers(0, 256, 3)
    while np.abs(colour - ground).max() < 50:
        colour = random.integers(0, 256, 3)
    corners = np.rint(outline * 16).astype(np.int32)
    cv2.fillPoly(picture, [corners], colour.tolist(), cv2.LINE_AA, 4)
    if random.random() < 0.5:
        darker = (colour * 0.6).tolist()
        cv2.polylines(picture, [corners], True, darker, 2, cv2.LINE_AA, 4)


def _with_camera(picture: Picture, random: Generator) -> Picture:
    if random.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (3, 3), 0), np.uint8)
    noise = random.standard_normal(picture.shape, np.float32) * np.float32(random.uniform(0, 6))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)
