"""The plugin: needs a GPU, and says so instead of being slow without one."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from msgspec import Meta

from bulkhead_tracking.fields import Annotate, FirstFrame, MostFrames, Stride
from bulkhead_tracking.telling import Choice
from bulkhead_tracking.video import VideoError, open_video
from sandbox.sdk import File, InvalidInput, Plugin, Run, tool
from video_tracker.detector import Detector
from video_tracker.folders import FolderDetector
from video_tracker.scenes import SIDE, scene
from video_tracker.shapes import ShapeDetector
from video_tracker.work import Options, Tracked, track_video

WEIGHTS = Path("weights") / "detector.safetensors"
MOST_BATCH = 64


class VideoTracker(Plugin):
    def init(self) -> None:
        """Load the detector onto the GPU."""
        self._device = gpu()
        self._detector = load_detector(
            self.config.get("architecture", "shapes"),
            folder=self.folder,
            model_folder=self.config.get("model_folder", ""),
            device=self._device,
        )

    def validate(self) -> None:
        """Detect on the GPU: the driver, torch and the weights must fit one another."""
        check_detector(self._detector)

    @tool(title="Track", streams=True)
    def track(
        self,
        run: Run,
        video: Annotated[File, Meta(title="Video", description="MP4, MOV, WebM, MKV or AVI.")],
        max_frames: MostFrames = 0,
        first_frame: FirstFrame = 0,
        stride: Stride = 1,
        classes: Annotated[
            list[str], Meta(title="Classes", description="None: all.", max_length=100)
        ] = [],  # noqa: B006 - the SDK copies it for every call
        min_score: Annotated[float, Meta(title="Minimum score", ge=0.05, le=0.99)] = 0.5,
        annotate: Annotate = True,
    ) -> Tracked:
        """Find and follow objects in a video, on the GPU."""
        options = Options(
            frames=Choice(first=first_frame, stride=stride, most=max_frames),
            classes=classes,
            min_score=min_score,
            annotate=annotate,
            batch=min(max(int(self.config.get("batch", 16)), 1), MOST_BATCH),
        )
        try:
            with video.open() as source, open_video(source, name=video.name) as opened:
                result = track_video(run, opened, self._detector, options)
        except VideoError as error:
            raise InvalidInput(str(error)) from None
        result["device_memory_mb"] = torch.cuda.max_memory_reserved(self._device) >> 20
        return result


def gpu() -> torch.device:
    """The GPU. There is no other way: without one this raises."""
    if not torch.cuda.is_available():
        raise RuntimeError(
            "torch sees no GPU, and this plugin does not work without one: run it on a worker that "
            "has an NVIDIA GPU, its driver and a CUDA build of torch"
        )
    return torch.device("cuda")


def load_detector(
    architecture: str, *, folder: Path, model_folder: str, device: torch.device
) -> Detector:
    if architecture == "shapes":
        return ShapeDetector.load(folder / WEIGHTS, device)
    if not model_folder:
        raise RuntimeError(
            "the setting model_folder is empty: name the folder of the detection model, relative to "
            "the plugin's, or set architecture to shapes"
        )
    return FolderDetector.load(folder / model_folder, device)


def check_detector(detector: Detector) -> None:
    """Raise unless the detector answers, and the shipped one finds most of what it was trained on."""
    random = np.random.default_rng(7)
    scenes = [scene(random) for _ in range(8)]
    answers = detector.detect([picture for picture, _, _ in scenes], least_score=0.5)
    if any(not np.isfinite(answer.boxes).all() for answer in answers):
        raise RuntimeError("the detector's boxes are no numbers: its weights are damaged")
    if isinstance(detector, ShapeDetector):
        there = sum(len(boxes) for _, boxes, _ in scenes)
        seen = sum(len(answer.boxes) for answer in answers)
        if not 0.5 * there <= seen <= 1.5 * there:
            raise RuntimeError(
                f"the detector saw {seen} of {there} shapes in pictures {SIDE} pixels wide: its "
                "weights do not belong to this version of the plugin"
            )
