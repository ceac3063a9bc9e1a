"""Reads a video frame by frame, and says in plain words why it cannot.

FFmpeg accepts a great deal more than videos (playlists that name other files, still pictures,
covers of songs) and ends silently where a file was cut off. So it gets nothing but the open file,
and what it delivered is compared with what the file promised.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

MOST_PIXELS: Final = 8192 * 4320
"""A few kilobytes of video can ask for gigabytes of picture."""

DECODER_THREADS: Final = 2
DEFAULT_FPS: Final = 25.0

MISSING_SHARE: Final = 0.05
"""Containers count loosely at both ends (edit lists, B-frames); more than this was cut off."""

MISSING_SECONDS: Final = 0.3
MP4_MARK: Final = b"ftyp"


WIDEST_PICTURE: Final = 640
"""The longer side of the pictures handed out: more of them shows no other movement."""

TURNS: Final = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}
"""FFmpeg tells a rotation counter-clockwise."""


class VideoError(ValueError):
    """A file is no video that can be read to its end; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """What a file says about its video; `frames` and `duration_seconds` are 0 when it does not."""

    fps: float
    frames: int
    duration_seconds: float


@dataclass(frozen=True, kw_only=True)
class Frame:
    """`picture` is blue-green-red, upright and may be smaller than the source, whose size upright
    is `width` and `height`; `seconds` counts from the video's first frame."""

    number: int
    seconds: float
    width: int
    height: int
    picture: NDArray[np.uint8]


class Video:
    """An opened video. Every method raises VideoError for what is wrong with the file."""

    def __init__(self, container: InputContainer, stream: VideoStream, *, name: str) -> None:
        self._container = container
        self._stream = stream
        self._name = name
        self._start: int | None = None
        self.facts = _facts(container, stream, name)

    def expected(self, first: int, stride: int, most: int) -> int | None:
        """How many frames `frames` will give; None when the file does not say how many it has."""
        if not self.facts.frames:
            return most or None
        count = max(0, -(-(self.facts.frames - first) // stride))
        return min(count, most) if most else count

    def frames(self, *, first: int = 0, stride: int = 1, most: int = 0) -> Iterator[Frame]:
        """Frames in the order of showing: from number `first` on every `stride`-th, at most `most`
        of them (0: all)."""
        count, given, seconds = 0, 0, 0.0
        for number, decoded in enumerate(self._decoded()):
            count, seconds = number + 1, self._seconds(decoded, number)
            if number < first or (number - first) % stride:
                continue
            yield _upright(decoded, number, seconds)
            given += 1
            if given == most:
                return
        self._check_complete(count, seconds)
        if not given:
            raise VideoError(
                f"“{self._name}” has {count} frames, so none from frame {first} on: start earlier."
            )

    def _decoded(self) -> Iterator[av.VideoFrame]:
        count = 0
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:
                    raise self._broken(count, "its data breaks off within a frame")
                for decoded in packet.decode():
                    yield decoded
                    count += 1
        except av.FFmpegError as error:
            raise self._broken(count, reason_of(error)) from None

    def _seconds(self, decoded: av.VideoFrame, number: int) -> float:
        if decoded.pts is None or decoded.time_base is None:
            return number / self.facts.fps
        if self._start is None:
            self._start = decoded.pts
        return max(0.0, float((decoded.pts - self._start) * decoded.time_base))

    def _check_complete(self, count: int, seconds: float) -> None:
        if count == 0:
            raise self._broken(0, "it holds no picture at all")
        shown = self._uncounted_start() + seconds + 1 / self.facts.fps
        missing = self.facts.duration_seconds - shown
        if missing > max(MISSING_SECONDS, MISSING_SHARE * self.facts.duration_seconds):
            raise self._broken(
                count, f"it ends at {shown:.1f} of {self.facts.duration_seconds:.1f} seconds"
            )

    def _uncounted_start(self) -> float:
        """Matroska counts a duration from 0, wherever the first frame is, and tells no start."""
        if self._stream.start_time is not None or not self._start or not self._stream.time_base:
            return 0.0
        return float(self._start * self._stream.time_base)

    def _broken(self, count: int, reason: str) -> VideoError:
        promised = f" of {self.facts.frames}" if self.facts.frames else ""
        return VideoError(
            f"“{self._name}” is damaged or cut short: after frame {count}{promised}, {reason}. "
            "Export or upload the video again."
        )


@contextmanager
def open_video(source: BinaryIO, *, name: str) -> Iterator[Video]:
    """Open a file as a video; raises VideoError, which calls it `name`, when it is none."""
    try:
        # Only the bytes at hand: a playlist must not make FFmpeg open files or addresses.
        container = av.open(
            source, "r", options={"protocol_whitelist": "pipe"}, metadata_errors="replace"
        )
    except (av.FFmpegError, OSError) as error:  # an empty file: FFmpeg seeks before its start
        raise _unreadable(source, name, error) from None
    with container:
        yield Video(container, _video_stream(container, name), name=name)


def fit(width: int, height: int, widest: int = WIDEST_PICTURE) -> tuple[int, int]:
    """A picture's size scaled down, never up, to at most `widest` pixels on its longer side; even,
    because video encoders take no other."""
    scale = min(1.0, widest / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def reason_of(error: av.FFmpegError | OSError) -> str:
    return (error.strerror or str(error)).rstrip(".").lower()


def _upright(decoded: av.VideoFrame, number: int, seconds: float) -> Frame:
    width, height = fit(decoded.width, decoded.height)
    picture = np.asarray(decoded.to_ndarray(format="bgr24", width=width, height=height), np.uint8)
    quarter = round(decoded.rotation / 90) * 90 % 360
    if quarter in TURNS:
        picture = np.asarray(cv2.rotate(picture, TURNS[quarter]), np.uint8)
    lies = quarter in (90, 270)
    return Frame(
        number=number,
        seconds=seconds,
        width=decoded.height if lies else decoded.width,
        height=decoded.width if lies else decoded.height,
        picture=picture,
    )


def _unreadable(source: BinaryIO, name: str, error: av.FFmpegError | OSError) -> VideoError:
    source.seek(0)
    if source.read(8)[4:] == MP4_MARK:
        # MP4 keeps its index at the end, mostly: without it no frame can be found.
        return VideoError(
            f"“{name}” is damaged or cut short: after frame 0, its index is missing "
            f"({reason_of(error)}). Export or upload the video again."
        )
    return VideoError(
        f"“{name}” is not a video that can be read ({reason_of(error)}). "
        "Upload an MP4, MOV, WebM, MKV or AVI file."
    )


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    for stream in container.streams.video:
        # The cover of a song is a video stream of one picture.
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            stream.thread_count = DECODER_THREADS
            return stream
    raise VideoError(f"“{name}” has no video track. Upload a file with moving pictures.")


def _facts(container: InputContainer, stream: VideoStream, name: str) -> VideoFacts:
    if not 0 < stream.width * stream.height <= MOST_PIXELS:
        raise VideoError(
            f"“{name}” is {stream.width}x{stream.height} pixels; "
            f"between 1 and {MOST_PIXELS:,} pixels in all can be read. Scale the video down."
        )
    return VideoFacts(
        fps=float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS),
        frames=stream.frames,
        duration_seconds=_duration(container, stream),
    )


def _duration(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        told = float(stream.duration * stream.time_base)
        # Of an AVI file cut short FFmpeg guesses the duration by the size; its count still stands.
        return max(told, stream.frames / float(stream.average_rate or DEFAULT_FPS))
    # Matroska keeps one duration for the file; a longer sound track would make it wrong for video.
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return 0.0
