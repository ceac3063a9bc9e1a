"""Reading videos, whole and broken ones."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bulkhead_tracking.video import Frame, VideoError, fit, open_video
from samples.moving_shapes import draw
from samples.moving_shapes import frames as pictures


def frames_of(path: Path, **how: int) -> list[Frame]:
    with path.open("rb") as source, open_video(source, name=path.name) as video:
        return list(video.frames(**how))


def rejection(path: Path) -> str:
    with pytest.raises(VideoError) as caught:
        frames_of(path)
    return str(caught.value)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def film(path: Path, times: list[float], *, size: tuple[int, int] = (64, 48)) -> Path:
    """A grey film whose frames are shown at these seconds."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, seconds in enumerate(times):
            picture = np.full((size[1], size[0], 3), 10 * number % 255, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def encoded(path: Path, codec: str) -> Path:
    """The first two seconds of the sample, as another program would have written them."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for picture in pictures(seconds=2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


def test_every_frame_comes_with_its_number_and_time(sample: Path) -> None:
    frames = frames_of(sample)
    assert [frame.number for frame in frames] == list(range(200))
    assert [round(frame.seconds, 3) for frame in frames] == [n / 25 for n in range(200)]
    assert frames[0].picture.shape == (360, 640, 3)


def test_a_range_and_a_stride_choose_frames(sample: Path) -> None:
    frames = frames_of(sample, first=50, stride=7, most=4)
    assert [frame.number for frame in frames] == [50, 57, 64, 71]
    assert frames[0].seconds == pytest.approx(2.0)


def test_a_range_beyond_the_end_is_the_callers_fault(sample: Path) -> None:
    with pytest.raises(VideoError, match="200 frames, so none from frame 200 on"):
        frames_of(sample, first=200)


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 0.52, 1.4]
    frames = frames_of(film(tmp_path / "variable.mp4", times))
    assert [round(frame.seconds, 3) for frame in frames] == times


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    frames = frames_of(film(tmp_path / "late.mkv", [5.0, 5.1, 5.2]))
    assert [round(frame.seconds, 2) for frame in frames] == [0.0, 0.1, 0.2]


def test_a_note_to_turn_the_picture_is_followed(sample: Path, quarter_turned: Path) -> None:
    lying, upright = frames_of(sample, most=1)[0], frames_of(quarter_turned, most=1)[0]
    assert (upright.width, upright.height) == (360, 640)
    assert np.array_equal(upright.picture, np.rot90(lying.picture, -1))


def test_large_pictures_are_scaled_down_and_tell_their_true_size(tmp_path: Path) -> None:
    path = draw(tmp_path / "large.mp4", seconds=0.2, width=1280, height=720)
    frame = frames_of(path)[0]
    assert (frame.width, frame.height) == (1280, 720)
    assert frame.picture.shape == (360, 640, 3)


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((640, 360), (640, 360)),
        ((320, 241), (320, 240)),
        ((1920, 1080), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((8000, 1), (640, 2)),
        ((1, 1), (2, 2)),
    ],
)
def test_pictures_fit_and_have_even_sides(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert fit(*size) == fitted


@pytest.mark.parametrize(
    ("name", "count"),
    [("bikes.mp4", 250), ("bigbuckbunny.mp4", 132), ("carphone_pristine.mp4", 120)],
)
def test_real_films_are_read_to_their_end(films: Path, name: str, count: int) -> None:
    assert [frame.number for frame in frames_of(films / name)] == list(range(count))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_video_cut_short_is_rejected_naming_the_frame_reached(
    sample: Path, tmp_path: Path, share: float
) -> None:
    content = sample.read_bytes()
    cut = written(tmp_path / "cut.mp4", content[: int(len(content) * share)])
    assert "“cut.mp4” is damaged or cut short: after frame " in rejection(cut)
    assert "of 200" in rejection(cut)


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "mpeg4"), ("mkv", "libx264")])
def test_other_containers_cut_short_are_rejected_too(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    whole = encoded(tmp_path / f"whole.{suffix}", codec)
    assert len(frames_of(whole)) == 50
    content = whole.read_bytes()
    cut = written(tmp_path / f"cut.{suffix}", content[: len(content) // 2])
    assert "damaged or cut short: after frame" in rejection(cut)


def test_damage_in_the_middle_is_rejected(sample: Path, tmp_path: Path) -> None:
    content = bytearray(sample.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    assert "after frame" in rejection(written(tmp_path / "hurt.mp4", bytes(content)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp4", b""),
        ("text.mp4", b"this is no video\n" * 100),
        ("zeros.mp4", bytes(5000)),
        ("page.mp4", b"<!doctype html><html><body>404</body></html>"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
        ("list.txt", b"ffconcat version 1.0\nfile /etc/passwd\n"),
    ],
)
def test_what_is_no_video_is_rejected(tmp_path: Path, name: str, content: bytes) -> None:
    message = rejection(written(tmp_path / name, content))
    assert message.startswith(f"“{name}” ")


def test_a_camera_that_drops_frames_has_not_cut_its_film_short(tmp_path: Path) -> None:
    times = [0.0, 0.04, 1.0, 1.5, 3.0]
    assert len(frames_of(film(tmp_path / "dropped.avi", times))) == len(times)


def test_sound_alone_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert "has no video track" in rejection(path)


def test_a_header_without_its_index_is_rejected(sample: Path, tmp_path: Path) -> None:
    assert "cut short: after frame 0, its index is missing" in rejection(
        written(tmp_path / "half.mp4", sample.read_bytes()[:600])
    )
