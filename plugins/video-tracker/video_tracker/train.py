"""Train the shipped detector: minutes on one core, the seed fixed and sums done in one order.

    cd plugins/video-tracker && python -m video_tracker.train --into weights/detector.safetensors

Prints the loss, and at last the sha256 that belongs into plugin.toml.
"""

import argparse
import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from bulkhead_tracking import intersections_over_union
from video_tracker.detector import Found
from video_tracker.net import STRIDE, ShapeNet
from video_tracker.scenes import LABELS, SIDE, Scene, scene
from video_tracker.shapes import ShapeDetector

SEED = 20240229
BATCH = 12
ROUND_SEEDS_APART = 1_000
CALIBRATION_SCENES = 64
THRESHOLDS = tuple(round(0.1 + 0.02 * number, 2) for number in range(21))
CENTRE_SHARE = 0.35
"""Cells this near to a box's centre, in shares of its sides, answer for it."""


@dataclass(frozen=True)
class Round:
    """So many steps, the learning rate rising to `rate` and falling to nothing."""

    steps: int
    rate: float


ROUNDS = (Round(1200, 3e-3), Round(900, 2e-3), Round(800, 2e-3))


def targets(boxes: Tensor, labels: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """The label of every cell (-1: background), and its box's edges in cells (4, cells, cells)."""
    places = (torch.arange(cells) + 0.5) * STRIDE
    y, x = torch.meshgrid(places, places, indexing="ij")
    wanted = torch.full((cells, cells), -1, dtype=torch.long)
    edges = torch.ones(4, cells, cells)
    sizes = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    for index in torch.argsort(
        sizes, descending=True
    ):  # where boxes overlap the smaller one counts
        x1, y1, x2, y2 = boxes[index]
        reach_x = max(CENTRE_SHARE * float(x2 - x1) / 2, STRIDE * 0.71)
        reach_y = max(CENTRE_SHARE * float(y2 - y1) / 2, STRIDE * 0.71)
        near = ((x - (x1 + x2) / 2).abs() <= reach_x) & ((y - (y1 + y2) / 2).abs() <= reach_y)
        near &= (x > x1) & (x < x2) & (y > y1) & (y < y2)
        wanted[near] = labels[index]
        edges[:, near] = torch.stack([x - x1, y - y1, x2 - x, y2 - y])[:, near] / STRIDE
    return wanted, edges


def loss_of(logits: Tensor, edges: Tensor, wanted: Tensor, true_edges: Tensor) -> Tensor:
    """Focal loss for the classes, 1 - GIoU for the edges of the cells that answer for a box."""
    positive = wanted >= 0
    count = positive.sum().clamp(min=1)
    goal = torch.zeros_like(logits)
    where = positive.nonzero(as_tuple=True)
    goal[where[0], wanted[positive], where[1], where[2]] = 1.0
    chance = torch.sigmoid(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, goal, reduction="none")
    right = chance * goal + (1 - chance) * (1 - goal)
    weight = 0.25 * goal + 0.75 * (1 - goal)
    focal = (weight * (1 - right) ** 2 * entropy).sum() / count
    found = edges.permute(0, 2, 3, 1)[positive]
    true = true_edges.permute(0, 2, 3, 1)[positive]
    return focal + (1 - _generalised_iou(found, true)).sum() / count


def train(*, rounds: Sequence[Round], seed: int) -> ShapeNet:
    """Train from nothing. Each round starts afresh but for the weights, as in I. Loshchilov and
    F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017."""
    torch.manual_seed(seed)
    net = ShapeNet(len(LABELS))
    for number, each in enumerate(rounds):
        train_round(net, each, seed=seed + number * ROUND_SEEDS_APART)
    return net.eval()


def train_round(net: ShapeNet, each: Round, *, seed: int) -> None:
    random = np.random.default_rng(seed)
    net.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=each.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=each.rate, total_steps=each.steps, pct_start=0.2
    )
    began = time.monotonic()
    for step in range(1, each.steps + 1):
        loss = loss_of(*forward(net, random))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            print(f"{step} {loss.item():.3f} {time.monotonic() - began:.0f} s", flush=True)


def calibrate(net: ShapeNet, *, seed: int) -> float:
    """Shift the scores so that 0.5 is the best threshold on scenes not trained on; return the best
    F1. Focal loss makes a detector that is right more often than it says."""
    random = np.random.default_rng(seed + 1)
    scenes = [scene(random) for _ in range(CALIBRATION_SCENES)]
    detector = ShapeDetector(net, LABELS, torch.device("cpu"))
    pictures = [picture for picture, _, _ in scenes]
    answers = detector.detect(pictures, least_score=min(THRESHOLDS))
    best, threshold = max((_f1(scenes, answers, least), least) for least in THRESHOLDS)
    with torch.no_grad():
        net.classes.bias -= math.log(threshold / (1 - threshold))  # type: ignore[operator]
    return best


def _f1(scenes: Sequence[Scene], answers: Sequence[Found], least_score: float) -> float:
    right = wanted = given = 0
    for (_, boxes, labels), answer in zip(scenes, answers, strict=True):
        sure = answer.scores >= least_score
        overlap = intersections_over_union(boxes.astype(np.float64), answer.boxes[sure])
        same = labels[:, None] == answer.labels[sure][None, :]
        right += int(((overlap > 0.5) & same).any(axis=1).sum())
        wanted += len(boxes)
        given += int(sure.sum())
    return 2 * right / max(wanted + given, 1)


def save(net: ShapeNet, path: Path) -> str:
    """Write the weights; return the file's sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in net.state_dict().items()}
    save_file(weights, path, metadata={"labels": json.dumps(LABELS)})
    path.chmod(0o644)  # the library's 0600 would hide it from a worker's own user
    return hashlib.sha256(path.read_bytes()).hexdigest()


def forward(net: ShapeNet, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A batch drawn and answered: logits, edges, and what both should be."""
    scenes = [scene(random) for _ in range(BATCH)]
    pictures = torch.from_numpy(np.stack([picture for picture, _, _ in scenes]))
    logits, edges = net(pictures.permute(0, 3, 1, 2).float() / 255)
    goals = [
        targets(torch.from_numpy(boxes), torch.from_numpy(labels), SIDE // STRIDE)
        for _, boxes, labels in scenes
    ]
    wanted, true_edges = (torch.stack(parts) for parts in zip(*goals, strict=True))
    return logits, edges, wanted, true_edges


def _generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """Of boxes around one point, given by their distances to left, top, right, bottom.

    H. Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019.
    """
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    shared = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    whole = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    areas = [(box[:, 0] + box[:, 2]) * (box[:, 1] + box[:, 3]) for box in (first, second)]
    either = areas[0] + areas[1] - shared
    return shared / either - (whole - either) / whole


def make_weights(path: Path, *, rounds: Sequence[Round] = ROUNDS, seed: int = SEED) -> str:
    """Train, calibrate, and write the weights; the same arguments give the same bytes, whose sha256
    this returns."""
    torch.use_deterministic_algorithms(True)
    # So small a net loses more to waiting for one another than threads win; and sums done in one
    # order only are the same on every machine of a kind.
    torch.set_num_threads(1)
    net = train(rounds=rounds, seed=seed)
    print(f"F1 {calibrate(net, seed=seed):.3f}")
    return save(net, path)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train the shape detector.")
    parser.add_argument("--into", type=Path, required=True, help="the safetensors file")
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args(arguments)
    print(make_weights(chosen.into, seed=chosen.seed))


if __name__ == "__main__":
    main()
