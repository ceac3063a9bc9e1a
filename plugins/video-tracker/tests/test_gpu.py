"""What only a GPU can show. Each test is skipped where torch sees none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from video_tracker.plugin import check_detector, gpu
from video_tracker.scenes import scene
from video_tracker.shapes import ShapeDetector

import sandbox
from bulkhead_tracking import intersections_over_union
from plugins_app.manifest import read_manifest

from .conftest import CPU, FOLDER, WEIGHTS

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs an NVIDIA GPU that torch sees"
)


def plugin() -> sandbox.PluginSource:
    manifest = read_manifest(FOLDER)
    return sandbox.PluginSource(
        name=manifest.name,
        folder=FOLDER,
        entrypoint=manifest.entrypoint,
        config=manifest.effective_config({}),
        requires=sandbox.Requirements(gpu=True, packages=manifest.requires.packages),
    )


def test_on_a_gpu_half_precision_finds_what_single_precision_does() -> None:
    random = np.random.default_rng(11)
    pictures = [scene(random)[0] for _ in range(16)]
    on_gpu, on_cpu = (
        ShapeDetector.load(WEIGHTS, device).detect(pictures, least_score=0.5)
        for device in (gpu(), CPU)
    )
    agreed = total = 0
    for one, other in zip(on_gpu, on_cpu, strict=True):
        overlap = intersections_over_union(other.boxes, one.boxes)
        agreed += int((overlap > 0.9).any(axis=1).sum())
        total += max(len(one.boxes), len(other.boxes))
    assert agreed / total > 0.95


def test_on_a_gpu_the_check_of_the_weights_passes() -> None:
    check_detector(ShapeDetector.load(WEIGHTS, gpu()))


def test_on_a_gpu_the_plugin_is_initialised_in_the_sandbox() -> None:
    limits = sandbox.Limits(timeout_seconds=90, memory_bytes=8 << 30)
    report = sandbox.load(plugin(), limits=limits, label="test-video-tracker")
    assert report.unavailable == ()
    assert report.stage is sandbox.Stage.INITIALIZED, report.problem


def test_on_a_gpu_the_sample_is_tracked_with_all_guards_on(sample: Path, tmp_path: Path) -> None:
    task = sandbox.Task(
        plugin=plugin(),
        tool="track",
        input={"video": {"upload": "1"}},
        files={"video": sandbox.FileInput(path=sample, name=sample.name)},
        limits=sandbox.Limits(timeout_seconds=120, memory_bytes=8 << 30),
        label="test-video-tracker",
    )
    report = sandbox.run(task, scratch=tmp_path / "run", on_events=lambda _events: None)
    # CUDA reserves far more address space than it takes memory: the guard must not mind.
    assert report.status is sandbox.Status.SUCCEEDED, report.problem
    assert report.result["frames"] == 200
    assert report.result["device_memory_mb"] > 0
    assert report.peak_memory_bytes < 8 << 30
