"""How fast the motion-tracker is on one core, and in how little memory.

The floor is the same film only decoded; the alternative is plain MOG2 with boxes around what it
marks: both in the same run, on the same core. Frames per second of processor time, because others
may want the core too.

    python -m benchmarks motion
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import sandbox
from samples.moving_shapes import draw

FOLDER = Path(__file__).resolve().parent.parent / "plugins" / "motion-tracker"
WIDTH, HEIGHT, SECONDS, FPS = 768, 576, 12, 25
LEAST_FPS, MOST_MEGABYTES = 25, 400
LEAST_AREA = 400
TRACKER = sandbox.PluginSource(
    name="motion-tracker", folder=FOLDER, entrypoint="motion_tracker:MotionTracker"
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    per_core_second: float
    megabytes: float | None = None


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{WIDTH}x{HEIGHT}, {SECONDS * FPS} frames, one core; frames a second of processor time")
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as name:
        folder = Path(name)
        film = draw(folder / "film.mp4", seconds=SECONDS, width=WIDTH, height=HEIGHT)
        floor = _timed(lambda: sum(1 for _ in _decoded(film)))
        plain = _timed(lambda: _plain(film))
        bare = _tracked(film, folder / "bare", annotate=False)
        whole = _tracked(film, folder / "whole", annotate=True)
    rows = {
        "floor: decode": floor,
        "decode and plain MOG2": plain,
        "motion-tracker, no film kept": bare,
        "motion-tracker, all kept": whole,
    }
    for title, figures in rows.items():
        print(_line(title, figures, floor, plain))
    _judge(f"at least {LEAST_FPS} frames a second", whole.per_core_second >= LEAST_FPS)
    _judge(f"under {MOST_MEGABYTES} MB", (whole.megabytes or 0) < MOST_MEGABYTES)


def _decoded(film: Path) -> Iterator[NDArray[np.uint8]]:
    with av.open(film) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="bgr24")


def _plain(film: Path) -> int:
    """What a first attempt does: mark what is new, and put boxes around what is large."""
    model = cv2.createBackgroundSubtractorMOG2()
    boxes = 0
    for picture in _decoded(film):
        marked = model.apply(picture)
        _, _, statistics, _ = cv2.connectedComponentsWithStats((marked == 255).astype(np.uint8))
        boxes += int((statistics[1:, cv2.CC_STAT_AREA] >= LEAST_AREA).sum())
    return boxes


def _timed(act: Callable[[], int]) -> Figures:
    began = time.process_time()
    act()
    return Figures(per_core_second=SECONDS * FPS / (time.process_time() - began))


def _tracked(film: Path, scratch: Path, *, annotate: bool) -> Figures:
    """The whole run in the sandbox, the start of its process and what it sends included."""
    task = sandbox.Task(
        plugin=TRACKER,
        tool="track",
        input={"video": {"upload": "1"}, "annotate": annotate},
        files={"video": sandbox.FileInput(path=film, name=film.name)},
        limits=sandbox.Limits(timeout_seconds=120),
    )
    report = sandbox.run(task, scratch=scratch, on_events=lambda _events: None)
    assert report.status is sandbox.Status.SUCCEEDED, report.problem
    return Figures(
        per_core_second=SECONDS * FPS / report.cpu_seconds,
        megabytes=report.peak_memory_bytes / (1 << 20),
    )


def _line(title: str, figures: Figures, floor: Figures, plain: Figures) -> str:
    memory = f"{figures.megabytes:5.0f} MB" if figures.megabytes else " " * 8
    speed = figures.per_core_second
    return (
        f"  {title:30} {speed:6.0f}/s {memory}   {speed / floor.per_core_second:5.2f} × the floor"
        f"   {speed / plain.per_core_second:5.2f} × plain MOG2"
    )


def _judge(what: str, is_met: bool) -> None:
    print(f"  goal: {what:30} {'met' if is_met else 'NOT met'}")


if __name__ == "__main__":
    main()
