"""Everything but CUDA itself: the detector's own functions on the CPU."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from sandbox.sdk import Run

FOLDER = Path(__file__).resolve().parents[1]
# A child gets the plugin's folder first on its path; so do the tests of its modules.
sys.path.insert(0, str(FOLDER))

WEIGHTS = FOLDER / "weights" / "detector.safetensors"
CPU = torch.device("cpu")
# So small a net is faster so where other tests want the processor too.
torch.set_num_threads(1)


class Heard:
    """Keeps what a run says, as the platform would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.previews: list[bytes] = []
        self.last_progress: tuple[float, float | None] = (0, None)

    def progress(self, done: float, total: float | None) -> None:
        self.last_progress = (done, total)

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        self.events.append((kind, dict(data)))

    def preview(self, jpeg: bytes, frame: int, time: float) -> None:
        self.previews.append(jpeg)

    def log(self, message: str, level: str) -> None:
        self.events.append(("log", {"message": message, "level": level}))

    def artifact(self, name: str) -> Path:
        return self._folder / name


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(tmp_path)


@pytest.fixture
def run(heard: Heard) -> Run:
    return Run(heard)
