"""The tracking library beside `trackers`' SORT, ByteTrack, OC-SORT and BoT-SORT, in the same run.

    python -m venv .peers && .peers/bin/pip install numpy scipy opencv-python-headless
    .peers/bin/pip install --no-deps trackers==2.6.1 supervision==0.31.2
    .peers/bin/pip install pydeprecate requests rich matplotlib pillow pyyaml defusedxml tqdm
    PYTHONPATH=tracking .peers/bin/python -m benchmarks.mot --data DIR

DIR holds sequences as the MOT challenge lays them out: NAME/det/det.txt, NAME/gt/gt.txt and
NAME/seqinfo.ini. The metrics are `trackers.eval`'s, which match TrackEval. The peers need an
environment of their own: `trackers` asks for an OpenCV that the platform's must not meet.
"""

import argparse
import configparser
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bulkhead_tracking import Noise, Settings, Tracker

# What A. Bewley et al. validated SORT on (ICIP 2016); whatever was tuned was tuned on the others.
VALIDATION = (
    "ADL-Rundle-8",
    "ETH-Pedcross2",
    "ETH-Sunnyday",
    "PETS09-S2L1",
    "TUD-Campus",
    "Venice-2",
)
TUNED = Settings(
    sure_score=0.89,
    begin_score=0.89,
    at_once_score=0.94,
    least_likeness=0.24,
    least_likeness_unsure=0.49,
    least_likeness_last=0.47,
    least_likeness_new=0.35,
    reach=0.11,
    height_weight=1.22,
    score_weight=0.11,
    direction_weight=0.27,
    forget_after=35,
    noise=Noise(seen=0.086, place=0.025, velocity=0.018, first_velocity=0.293),
)
"""By a random search of seven minutes on MOT15's other sequences that the detections exist for:
ADL-Rundle-6, ETH-Bahnhof, KITTI-13, KITTI-17, TUD-Stadtmitte."""

OURS = {"ours": Settings(), "ours, tuned": TUNED}
SPEED_OBJECTS, SPEED_UPDATES = 20, 2_000
ALWAYS_COUNTED = (1, 1)

Box = NDArray[np.float64]
Step = Callable[[Box, Box], Iterator[tuple[int, Box]]]
"""Takes one frame's boxes and scores, gives the ids and boxes of the tracks in it."""


@dataclass(frozen=True)
class Scene:
    """One sequence: what the detector saw in each frame."""

    name: str
    folder: Path
    fps: float
    frames: tuple[tuple[Box, Box], ...]


def scene(folder: Path) -> Scene:
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini")
    rows = np.loadtxt(folder / "det" / "det.txt", delimiter=",", ndmin=2)
    boxes = np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]])
    count = max(int(info["Sequence"]["seqLength"]), int(rows[:, 0].max()))
    chosen = (rows[:, 0] == number for number in range(1, count + 1))
    frames = tuple((boxes[rows_], rows[rows_, 6]) for rows_ in chosen)
    return Scene(folder.name, folder, float(info["Sequence"]["frameRate"]), frames)


def ours(settings: Settings) -> Callable[[float], Step]:
    def start(_fps: float) -> Step:
        tracker = Tracker(settings)

        def step(boxes: Box, scores: Box) -> Iterator[tuple[int, Box]]:
            for sighting in tracker.update(boxes, scores):
                yield sighting.id, sighting.box

        return step

    return start


def peers() -> dict[str, Callable[[float], Step]]:
    import supervision
    import trackers

    def wrap(kind: Callable[..., Any], **how: Any) -> Callable[[float], Step]:
        def start(fps: float) -> Step:
            tracker = kind(frame_rate=fps, **how)

            def step(boxes: Box, scores: Box) -> Iterator[tuple[int, Box]]:
                seen = supervision.Detections(
                    xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int)
                )
                known = tracker.update(seen)
                for box, identity in zip(known.xyxy, known.tracker_id, strict=True):
                    if identity >= 0:
                        yield int(identity) + 1, box

            return step

        return start

    return {
        "SORT": wrap(trackers.SORTTracker),
        "ByteTrack": wrap(trackers.ByteTrackTracker),
        "OC-SORT": wrap(trackers.OCSORTTracker),
        "BoT-SORT": wrap(trackers.BoTSORTTracker, enable_cmc=False),
    }


def tracked(scenes: Sequence[Scene], start: Callable[[float], Step], into: Path) -> float:
    """Write what a tracker makes of each scene in the MOT format; return its updates per second."""
    took = updates = 0.0
    for one in scenes:
        step = start(one.fps)
        with (into / f"{one.name}.txt").open("w") as file:
            for number, (boxes, scores) in enumerate(one.frames, start=1):
                began = time.perf_counter()
                found = list(step(boxes, scores))
                took += time.perf_counter() - began
                updates += 1
                for identity, (x1, y1, x2, y2) in found:
                    place = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
                    file.write(f"{number},{identity},{place},1,-1,-1,-1\n")
    return updates / took


def truth(scenes: Sequence[Scene], into: Path) -> None:
    """Copy the ground truth as today's evaluators read it: MOT15 used columns 8 and 9 otherwise."""
    for one in scenes:
        target = into / one.name / "gt" / "gt.txt"
        target.parent.mkdir(parents=True)
        rows = np.loadtxt(one.folder / "gt" / "gt.txt", delimiter=",", ndmin=2)
        rows = rows[rows[:, 6] > 0]
        rows[:, 7:9] = ALWAYS_COUNTED
        np.savetxt(target, rows[:, :9], delimiter=",", fmt="%g")


def measure(scenes: Sequence[Scene], start: Callable[[float], Step]) -> dict[str, float]:
    from trackers.eval import evaluate_mot_sequences

    folder = Path(tempfile.mkdtemp(prefix="mot-"))
    try:
        (folder / "truth").mkdir()
        (folder / "tracks").mkdir()
        truth(scenes, folder / "truth")
        speed = tracked(scenes, start, folder / "tracks")
        metrics = ["CLEAR", "HOTA", "Identity"]
        found = evaluate_mot_sequences(folder / "truth", folder / "tracks", metrics=metrics)
    finally:
        shutil.rmtree(folder)
    whole = found.aggregate
    return {
        "MOTA": 100 * whole.CLEAR.MOTA,
        "IDF1": 100 * whole.Identity.IDF1,
        "HOTA": 100 * whole.HOTA.HOTA,
        "switches": whole.CLEAR.IDSW,
        "updates/s": speed,
    }


def speed(start: Callable[[float], Step]) -> float:
    """Updates per second with a steady crowd."""
    random = np.random.default_rng(1)
    places = random.uniform(0, 1800, (SPEED_OBJECTS, 2))
    velocity = random.normal(0, 2, (SPEED_OBJECTS, 2))
    step = start(30.0)
    began = time.perf_counter()
    for _number in range(SPEED_UPDATES):
        places += velocity
        corners = places + random.normal(0, 1, places.shape)
        list(step(np.hstack([corners, corners + np.array([40, 100])]), np.full(SPEED_OBJECTS, 0.9)))
    return SPEED_UPDATES / (time.perf_counter() - began)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with the sequences")
    parser.add_argument("--sequences", nargs="*", default=VALIDATION)
    chosen = parser.parse_args(arguments)
    if chosen.data is None:
        print("needs public data that is not kept here: python -m benchmarks.mot --help")
        return
    scenes = [scene(chosen.data / name) for name in chosen.sequences]
    print(f"{'tracker':12}  MOTA  IDF1  HOTA  switches  updates/s  updates/s at {SPEED_OBJECTS}")
    for name, start in ({name: ours(chosen) for name, chosen in OURS.items()} | peers()).items():
        row = measure(scenes, start)
        print(
            f"{name:12} {row['MOTA']:5.1f} {row['IDF1']:5.1f} {row['HOTA']:5.1f} "
            f"{row['switches']:9.0f} {row['updates/s']:10.0f} {speed(start):10.0f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
