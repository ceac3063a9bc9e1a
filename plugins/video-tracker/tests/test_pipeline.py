"""Decode, detect, track, tell: all of it but the GPU."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from video_tracker.detector import Found, Picture
from video_tracker.pipeline import Times, detected, read_ahead
from video_tracker.shapes import ShapeDetector
from video_tracker.work import Options, Tracked, track_video, wanted_classes

from bulkhead_tracking import intersections_over_union
from bulkhead_tracking.telling import Choice
from bulkhead_tracking.video import Frame, VideoError, open_video
from samples.moving_shapes import visible_boxes
from sandbox.sdk import InvalidInput, Run

from .conftest import CPU, WEIGHTS, Heard

OPTIONS = Options(frames=Choice(), classes=(), min_score=0.5, annotate=True, batch=8)


class Counter:
    """Finds one box in every picture and notes how many came at once."""

    labels = ("thing",)

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.sizes: list[int] = []
        self._seconds = seconds

    def detect(self, pictures: Sequence[Picture], *, least_score: float) -> list[Found]:
        self.sizes.append(len(pictures))
        time.sleep(self._seconds)
        return [
            Found(boxes=np.array([[1.0, 1, 9, 9]]), scores=np.array([0.9]), labels=np.zeros(1, int))
            for _ in pictures
        ]


def frames(count: int, *, sides: Sequence[int] = (16,)) -> Iterator[Frame]:
    for number in range(count):
        side = sides[number * len(sides) // count]
        picture = np.zeros((side, side, 3), np.uint8)
        yield Frame(number=number, seconds=number / 25, width=side, height=side, picture=picture)


def follow(run: Run, path: Path, detector: object, **changed: object) -> Tracked:
    options = replace(OPTIONS, **changed)
    with path.open("rb") as source, open_video(source, name=path.name) as video:
        return track_video(run, video, detector, options)


def test_frames_come_in_order_and_go_in_batches() -> None:
    counter = Counter()
    found = detected(frames(21), counter, batch=8, least_score=0.1, times=Times())
    assert [frame.number for frame, _ in found] == list(range(21))
    assert counter.sizes == [8, 8, 5]


def test_pictures_of_another_size_begin_another_batch() -> None:
    counter = Counter()
    list(detected(frames(10, sides=(16, 24)), counter, batch=8, least_score=0.1, times=Times()))
    assert counter.sizes == [5, 5]


def test_reading_goes_on_while_the_device_works() -> None:
    def slow_frames() -> Iterator[Frame]:
        for frame in frames(12):
            time.sleep(0.02)
            yield frame

    began = time.monotonic()
    times = Times()
    list(detected(slow_frames(), Counter(seconds=0.08), batch=4, least_score=0.1, times=times))
    one_after_the_other = 12 * 0.02 + 3 * 0.08
    assert time.monotonic() - began < one_after_the_other * 0.9
    assert times.detecting_seconds >= 0.24


def test_what_reading_raises_comes_in_its_place() -> None:
    def broken() -> Iterator[int]:
        yield from range(3)
        raise VideoError("damaged")

    taken = []
    with pytest.raises(VideoError, match="damaged"):
        taken.extend(read_ahead(broken(), most=2))


def test_who_stops_early_leaves_no_thread() -> None:
    before = threading.active_count()
    ahead = read_ahead(iter(range(1_000_000)), most=2)
    assert next(ahead) == 0
    ahead.close()
    assert threading.active_count() == before


def test_the_sample_is_followed_by_the_shipped_detector(
    run: Run, heard: Heard, sample: Path, tmp_path: Path
) -> None:
    result = follow(run, sample, ShapeDetector.load(WEIGHTS, CPU))
    assert result["frames"] == 200
    assert heard.last_progress == (200, 200)
    events = [data for kind, data in heard.events if kind == "tracks"]
    assert [event["frame"] for event in events] == list(range(200))
    shapes = hits = 0
    for event in events:
        truth = np.array(list(visible_boxes(event["frame"]).values())).reshape(-1, 4)
        boxes = np.array([found["box"] for found in event["tracks"]]).reshape(-1, 4)
        shapes += len(truth)
        hits += int((intersections_over_union(truth, boxes) > 0.5).any(axis=1).sum())
    assert hits / shapes > 0.75
    assert len(result["tracks"]) <= 14
    assert {found["label"] for found in result["tracks"]} <= {"round", "triangle", "square", "star"}
    assert json.loads((tmp_path / "tracks.json").read_text())["frames"] == events
    lines = (tmp_path / "tracks.txt").read_text().splitlines()
    assert len(lines) == sum(len(event["tracks"]) for event in events)
    with av.open(tmp_path / "annotated.mp4") as film:
        assert film.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in film.decode(video=0)) == 200


@pytest.mark.parametrize(
    ("name", "size"), [("bikes.mp4", (640, 272)), ("carphone_pristine.mp4", (176, 144))]
)
def test_a_real_film_goes_through(
    run: Run, heard: Heard, films: Path, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    began = time.monotonic()
    detector = ShapeDetector.load(WEIGHTS, CPU)
    result = follow(run, films / name, detector, frames=Choice(stride=2, most=20))
    assert (result["frames"], (result["width"], result["height"])) == (20, size)
    events = [data for kind, data in heard.events if kind == "tracks"]
    assert [event["frame"] for event in events] == list(range(0, 40, 2))
    assert all(set(event) == {"frame", "time", "width", "height", "tracks"} for event in events)
    assert heard.last_progress == (20, 20)
    assert 0 < len(heard.previews) <= (time.monotonic() - began) * 10 + 1
    with av.open(tmp_path / "annotated.mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) == 20


def test_classes_that_are_not_wanted_are_left_out(run: Run, heard: Heard, sample: Path) -> None:
    detector = ShapeDetector.load(WEIGHTS, CPU)
    follow(run, sample, detector, classes=["star"], annotate=False, frames=Choice(stride=4))
    labels = {found["label"] for _, data in heard.events for found in data["tracks"]}
    assert labels <= {"star"}


def test_a_class_nobody_knows_is_the_callers_fault() -> None:
    assert wanted_classes([], ("a", "b")) == {0, 1}
    assert wanted_classes(["b"], ("a", "b")) == {1}
    with pytest.raises(InvalidInput, match="does not know cat; it knows a, b"):
        wanted_classes(["cat"], ("a", "b"))


def test_a_stride_keeps_the_frames_own_numbers(run: Run, heard: Heard, sample: Path) -> None:
    result = follow(
        run, sample, Counter(), frames=Choice(first=5, stride=10, most=6), annotate=False
    )
    assert [data["frame"] for _, data in heard.events] == [5, 15, 25, 35, 45, 55]
    assert (result["frames"], result["seconds"]) == (6, 2.4)


def test_a_film_cut_short_says_so(run: Run, sample: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    content = sample.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(VideoError, match="damaged or cut short: after frame"):
        follow(run, cut, Counter())
