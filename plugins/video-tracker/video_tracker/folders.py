"""Detectors kept as a local transformers folder: RT-DETR, DETR and their kin.

Nothing is fetched, and the pictures are prepared here: transformers' own image processors want
torchvision, whose wheels do not load beside every build of torch.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
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

DEFAULT_SIDE: Final = 640
WITH_NO_OBJECT: Final = frozenset({"detr", "conditional_detr", "yolos", "table-transformer"})
"""Their last class means “nothing here”, and the classes of a query exclude one another."""


class FolderDetector:
    """A model of `AutoModelForObjectDetection`; works on whatever device it is given."""

    def __init__(self, model: Any, preparation: Mapping[str, Any], device: torch.device) -> None:
        names = model.config.id2label
        self.labels = tuple(str(names[number]) for number in sorted(names))
        self._device = device
        self._model = model.to(device, dtype_on(device)).eval()
        self._size = _size(preparation)
        self._has_no_object = model.config.model_type in WITH_NO_OBJECT
        mean = preparation["image_mean"] if preparation.get("do_normalize") else [0.0] * 3
        spread = preparation["image_std"] if preparation.get("do_normalize") else [1.0] * 3
        self._mean, self._spread = (
            torch.tensor(values, device=device, dtype=dtype_on(device))[:, None, None]
            for values in (mean, spread)
        )

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "FolderDetector":
        """Read `config.json`, `preprocessor_config.json` and safetensors weights from a folder."""
        if not (folder / "config.json").is_file():
            raise RuntimeError(
                f"there is no detection model in {folder}: it has no config.json. Put a folder as "
                "`save_pretrained()` writes it into the plugin's folder, and its name into the "
                "setting model_folder"
            )
        model = _transformers().AutoModelForObjectDetection.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
        preparation = folder / "preprocessor_config.json"
        return cls(
            model, json.loads(preparation.read_text()) if preparation.is_file() else {}, device
        )

    @torch.inference_mode()
    def detect(self, pictures: Sequence[Picture], *, least_score: float) -> list[Found]:
        height, width = pictures[0].shape[:2]
        batch = functional.interpolate(
            on_device(pictures, self._device), self._size, mode="bilinear", antialias=True
        )
        answer = self._model(pixel_values=(batch - self._mean) / self._spread)
        return [
            self._in_picture(logits.float(), boxes.float(), width, height, least_score)
            for logits, boxes in zip(answer.logits, answer.pred_boxes, strict=True)
        ]

    def _in_picture(
        self, logits: Tensor, boxes: Tensor, width: int, height: int, least_score: float
    ) -> Found:
        chances = logits.softmax(dim=-1)[:, :-1] if self._has_no_object else logits.sigmoid()
        scores, places = chances.flatten().topk(min(MOST_FOUND, chances.numel()))
        places = places[scores >= least_score]
        scores = scores[: len(places)]
        centres, sizes = boxes[places // chances.shape[1]].split(2, dim=1)
        corners = torch.hstack([centres - sizes / 2, centres + sizes / 2]).clamp(0, 1)
        corners = corners * torch.tensor([width, height] * 2, device=boxes.device)
        labels = places % chances.shape[1]
        kept = without_doubles(corners, scores, labels)
        return found(corners[kept], scores[kept], labels[kept])


def _transformers() -> Any:
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise RuntimeError(
            "a model folder needs the package transformers, which is not installed here: install it "
            "into the platform's environment with `pip install transformers`, or set architecture "
            "to shapes"
        ) from error


def _size(preparation: Mapping[str, Any]) -> tuple[int, int]:
    size = preparation.get("size", {})
    side = size.get("shortest_edge", DEFAULT_SIDE)
    return int(size.get("height", side)), int(size.get("width", side))
