"""The detector that comes with the plugin: ShapeNet with the weights in `weights/`."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn import functional

from video_tracker.detector import (
    MOST_FOUND,
    Found,
    Picture,
    dtype_on,
    found,
    on_device,
    without_doubles,
)
from video_tracker.net import STRIDE, ShapeNet


class ShapeDetector:
    """Finds what it was trained on; works on whatever device it is given."""

    def __init__(self, net: ShapeNet, labels: Sequence[str], device: torch.device) -> None:
        self.labels = tuple(labels)
        self._device = device
        self._net = net.to(device, dtype_on(device)).eval()

    @classmethod
    def load(cls, path: Path, device: torch.device) -> "ShapeDetector":
        """Read weights from a safetensors file: data only, nothing in it can be run."""
        try:
            with safe_open(path, "pt") as file:
                labels = json.loads(file.metadata()["labels"])
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            net = ShapeNet(len(labels))
            net.load_state_dict(weights)
        except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
            raise RuntimeError(
                f"{path.name} does not hold this detector's weights ({error}): train it anew with "
                "`python -m video_tracker.train`, or take the file that came with the plugin"
            ) from error
        return cls(net, labels, device)

    @torch.inference_mode()
    def detect(self, pictures: Sequence[Picture], *, least_score: float) -> list[Found]:
        batch = on_device(pictures, self._device)
        height, width = batch.shape[2:]
        batch = functional.pad(batch, (0, -width % STRIDE, 0, -height % STRIDE))
        logits, edges = self._net(batch)
        return [
            _in_picture(chances, distances, width, height, least_score)
            for chances, distances in zip(torch.sigmoid(logits), edges, strict=True)
        ]


def _in_picture(
    chances: Tensor, distances: Tensor, width: int, height: int, least_score: float
) -> Found:
    best, labels = chances.float().max(dim=0)
    scores, cells = best.flatten().topk(min(MOST_FOUND, best.numel()))
    cells = cells[scores >= least_score]
    scores = scores[: len(cells)]
    columns = best.shape[1]
    centres = torch.stack([cells % columns, cells // columns], dim=1).float() + 0.5
    edges = distances.float().flatten(1)[:, cells].T
    boxes = torch.hstack([centres - edges[:, :2], centres + edges[:, 2:]]) * STRIDE
    boxes[:, 0::2].clamp_(0, width)
    boxes[:, 1::2].clamp_(0, height)
    # Every cell has one class, and so has an object: doubles are doubles whatever they are called.
    kept = without_doubles(boxes, scores, torch.zeros_like(cells))
    return found(boxes[kept], scores[kept], labels.flatten()[cells][kept])
