"""Tracks whole videos, in the sandbox as the platform does."""

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import sandbox
from bulkhead_tracking import intersections_over_union
from samples.moving_shapes import draw, frames, visible_boxes

from .conftest import TRACKER, Outcome

Track = Callable[..., Outcome]
Picture = NDArray[np.uint8]


def film(path: Path, pictures: list[Picture], *, times: list[float] | None = None) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            seconds = times[number] if times else number / 25
            frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def crossing(*, left: int | None) -> Picture:
    """A bright square on a patterned ground; None: the ground alone."""
    picture = np.random.default_rng(1).integers(70, 110, (240, 320, 3), np.uint8)
    if left is not None:
        picture[100:140, left : left + 40] = 220
    return picture


def accuracy(events: list[dict[str, object]]) -> tuple[float, int]:
    """MOTA against the sample's truth, and how often a shape changed its id (IoU 0.5)."""
    shapes = wrong = switches = 0
    owners: dict[str, int] = {}
    for event in events:
        truth = visible_boxes(event["frame"])
        tracks = event["tracks"]
        boxes = np.array([track["box"] for track in tracks], float).reshape(-1, 4)
        true_boxes = np.array(list(truth.values()), float).reshape(-1, 4)
        likeness = intersections_over_union(true_boxes, boxes)
        best = zip(*linear_sum_assignment(-likeness), strict=True)
        pairs = [(i, j) for i, j in best if likeness[i, j] >= 0.5]
        for i, j in pairs:
            name, identity = list(truth)[i], tracks[j]["id"]
            switches += owners.get(name, identity) != identity
            owners[name] = identity
        shapes += len(truth)
        wrong += len(truth) + len(boxes) - 2 * len(pairs)
    return 1 - (wrong + switches) / shapes, switches


def test_it_is_ready_and_its_schema_has_titles_and_bounds() -> None:
    report = sandbox.load(TRACKER, limits=sandbox.Limits(), label="test-motion-tracker")
    assert report.problem is None
    assert report.unavailable == ()
    (tool,) = report.tools
    assert tool.streams
    assert tool.file_fields == ("video",)
    fields = tool.input_schema["properties"]
    assert all("title" in field for field in fields.values())
    assert tool.input_schema["required"] == ["video"]
    bounds = {
        name: (field["minimum"], field["maximum"], field["default"])
        for name, field in fields.items()
        if field.get("type") in ("integer", "number")
    }
    assert bounds == {
        "first_frame": (0, 10_000_000, 0),
        "stride": (1, 100, 1),
        "max_frames": (0, 1_000_000, 0),
        "min_area_percent": (0.005, 50, 0.1),
        "min_score": (0, 1, 0.0),
    }
    assert fields["sensitivity"]["enum"] == ["high", "low", "normal"]


def test_the_sample_is_followed_accurately(tracked: Outcome) -> None:
    mota, switches = accuracy(tracked.data("tracks"))
    assert mota > 0.88
    assert switches <= 1
    # Of processor time, all kept and sent: others may want the processor too while a test runs.
    assert len(tracked.data("tracks")) / tracked.report.cpu_seconds > 25


def test_the_result_says_what_was_found(tracked: Outcome) -> None:
    result = tracked.result
    assert (result["frames"], result["width"], result["height"]) == (200, 640, 360)
    assert (result["fps"], result["seconds"], result["cuts"]) == (25.0, 8.0, [])
    assert 6 <= result["tracks_found"] == len(result["tracks"]) <= 10
    assert f"{result['tracks_found']} moving objects in 200 frames" == result["summary"]
    for found in result["tracks"]:
        assert found["label"] == "object"
        assert 0 <= found["first_frame"] <= found["last_frame"] < 200
        assert 0 < found["frames"] <= found["last_frame"] - found["first_frame"] + 1


def test_every_frame_is_an_event_of_the_contracts_shape(tracked: Outcome) -> None:
    events = tracked.data("tracks")
    assert [event["frame"] for event in events] == list(range(200))
    assert {key for event in events for key in event} == {
        "frame", "time", "width", "height", "tracks",
    }  # fmt: skip
    for found in (found for event in events for found in event["tracks"]):
        assert set(found) == {"id", "label", "score", "box", "age"}
        x1, y1, x2, y2 = found["box"]
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 360
        assert 0 <= found["score"] <= 1
        assert found["age"] >= 1
    assert tracked.data("progress")[-1] == {"done": 200, "total": 200}


def test_pictures_come_as_jpeg_and_at_most_ten_a_second(tracked: Outcome) -> None:
    assert 0 < len(tracked.previews) <= tracked.report.wall_seconds * 10 + 1
    picture = cv2.imdecode(np.frombuffer(tracked.previews[-1][24:], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (360, 640, 3)


def test_the_records_hold_what_the_events_said(tracked: Outcome) -> None:
    written = json.loads(tracked.artifact("tracks.json").read_text())
    assert written["frames"] == tracked.data("tracks")
    assert written["tracks"] == tracked.result["tracks"]
    lines = tracked.artifact("tracks.txt").read_text().splitlines()
    assert len(lines) == sum(found["frames"] for found in tracked.result["tracks"])
    first = next(event for event in written["frames"] if event["tracks"])
    frame, identity, left, top, *_rest = (float(part) for part in lines[0].split(","))
    assert (frame, identity) == (first["frame"] + 1, first["tracks"][0]["id"])
    assert [left, top] == first["tracks"][0]["box"][:2]


def test_the_annotated_video_has_every_frame(tracked: Outcome) -> None:
    with av.open(tracked.artifact("annotated.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        pictures = list(container.decode(stream))
    assert len(pictures) == 200
    assert pictures[100].time == pytest.approx(4.0, abs=0.01)


def test_options_choose_frames_and_what_is_kept(track: Track, sample: Path) -> None:
    outcome = track(sample, first_frame=40, stride=2, max_frames=30, annotate=False, min_score=0.5)
    events = outcome.data("tracks")
    assert [event["frame"] for event in events] == list(range(40, 100, 2))
    assert outcome.result["frames"] == 30
    assert {found.name for found in outcome.report.artifacts} == {"tracks.json", "tracks.txt"}
    assert all(found["score"] >= 0.5 for event in events for found in event["tracks"])


def test_720p_has_boxes_in_its_own_pixels_and_stays_far_below_the_memory_limit(
    track: Track, tmp_path: Path
) -> None:
    outcome = track(draw(tmp_path / "large.mp4", seconds=2, width=1280, height=720))
    assert outcome.report.peak_memory_bytes < 400 << 20
    events = outcome.data("tracks")
    assert (events[0]["width"], events[0]["height"]) == (1280, 720)
    rightmost = max(found["box"][2] for event in events for found in event["tracks"])
    assert 1100 < rightmost <= 1280


def test_a_turned_video_has_upright_boxes(track: Track, quarter_turned: Path) -> None:
    events = track(quarter_turned, max_frames=40, annotate=False).data("tracks")
    assert (events[0]["width"], events[0]["height"]) == (360, 640)
    lowest = max(found["box"][3] for event in events for found in event["tracks"])
    assert 360 < lowest <= 640


def test_a_cut_is_told_and_starts_the_tracks_over(track: Track, tmp_path: Path) -> None:
    shown = list(islice(frames(seconds=4), 90))
    pictures = shown[:50] + [255 - picture[::-1] for picture in shown[50:]]
    outcome = track(film(tmp_path / "cut.mp4", pictures), annotate=False, first_frame=20)
    assert outcome.result["cuts"] == [50]
    assert outcome.data("cut") == [{"frame": 50, "time": 2.0}]
    before, after = (
        {f["id"] for e in outcome.data("tracks") if (e["frame"] < 50) is early for f in e["tracks"]}
        for early in (True, False)
    )
    assert before
    assert after
    assert not before & after


def test_a_variable_frame_rate_is_kept_and_the_tracks_bear_it(track: Track, tmp_path: Path) -> None:
    chosen = [number for number in range(60) if number < 30 or number % 3 == 0]
    ground = [crossing(left=None)] * 5
    pictures = ground + [crossing(left=20 + 4 * number) for number in chosen]
    times = [number / 25 for number in (*range(5), *(5 + number for number in chosen))]
    outcome = track(film(tmp_path / "variable.mp4", pictures, times=times))
    events = outcome.data("tracks")
    assert [event["time"] for event in events] == [round(seconds, 3) for seconds in times]
    assert outcome.result["tracks_found"] == 1
    assert events[-1]["tracks"][0]["box"][0] == pytest.approx(20 + 4 * chosen[-1], abs=6)
    with av.open(outcome.artifact("annotated.mp4")) as container:
        shown = [picture.time for picture in container.decode(video=0)]
    assert shown == pytest.approx(times, abs=0.002)


def test_what_leaves_its_place_in_the_first_frame_leaves_no_ghost(
    track: Track, tmp_path: Path
) -> None:
    edges = [20 + 4 * max(0, number - 5) for number in range(70)]
    pictures = [crossing(left=edge) for edge in edges]
    events = track(film(tmp_path / "ghost.mp4", pictures), annotate=False).data("tracks")
    behind = [
        event["frame"]
        for event, edge in zip(events, edges, strict=True)
        if any(found["box"][2] < edge - 10 for found in event["tracks"])
    ]
    assert behind == []
    assert all(len(event["tracks"]) == 1 for event in events[20:])


@pytest.mark.parametrize(
    ("name", "size"), [("bikes.mp4", (640, 272)), ("bigbuckbunny.mp4", (1280, 720))]
)
def test_a_real_film_goes_through(
    track: Track, films: Path, name: str, size: tuple[int, int]
) -> None:
    outcome = track(films / name, max_frames=50, annotate=name == "bikes.mp4")
    result = outcome.result
    assert (result["frames"], (result["width"], result["height"])) == (50, size)
    assert result["tracks"]
    assert outcome.data("progress")[-1] == {"done": 50, "total": 50}


def test_a_film_cut_short_is_rejected_and_says_where(
    track: Track, films: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.mp4"
    content = (films / "bikes.mp4").read_bytes()
    cut.write_bytes(content[: len(content) * 6 // 10])
    assert "“cut.mp4” is damaged or cut short: after frame" in track(cut).rejection


def test_what_is_no_video_is_rejected_and_leaves_nothing(track: Track, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no video at all")
    outcome = track(text)
    assert "“notes.mp4” is not a video" in outcome.rejection
    assert outcome.report.artifacts == ()
