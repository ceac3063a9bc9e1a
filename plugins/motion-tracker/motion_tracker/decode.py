"""Reads a video frame by frame, and says in plain words why it cannot.

FFmpeg accepts a great deal more than videos (playlists that name other files, still pictures,
covers of songs) and ends silently where a file was cut off. So it gets nothing but the open file,
and what it delivered is compared with what the file promised.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sandbox.sdk import File, InvalidInput

MOST_PIXELS: Final = 8192 * 4320
"""A few kilobytes of video can ask for gigabytes of picture."""

DECODER_THREADS: Final = 2
DEFAULT_FPS: Final = 25.0

MISSING_SHARE: Final = 0.05
"""Containers count loosely at both ends (edit lists, B-frames); more than this was cut off."""

MISSING_SECONDS: Final = 0.3


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """What a file says about its video; `frames` and `duration_seconds` are 0 when it does not."""

    width: int
    height: int
    fps: float
    frames: int
    duration_seconds: float


@dataclass(frozen=True, kw_only=True)
class Frame:
    """`picture` is blue-green-red and may be smaller than the source; `seconds` counts from 0."""

    number: int
    seconds: float
    picture: NDArray[np.uint8]


class Video:
    """An opened video. Every method raises InvalidInput for what is wrong with the file."""

    def __init__(self, container: InputContainer, stream: VideoStream, *, name: str) -> None:
        self._container = container
        self._stream = stream
        self._name = name
        self.facts = _facts(container, stream, name)

    def frames(self, *, most: int = 0, widest: int = 640) -> Iterator[Frame]:
        """Every frame in the order of showing, at most `most` of them (0: all), pictures scaled
        down to `widest` pixels."""
        width, height = fit(self.facts.width, self.facts.height, widest)
        number, seconds = -1, 0.0
        for number, decoded in enumerate(self._decoded()):
            seconds = self._seconds(decoded, number)
            picture = decoded.to_ndarray(format="bgr24", width=width, height=height)
            yield Frame(number=number, seconds=seconds, picture=picture)
            if number + 1 == most:
                return
        self._check_complete(number + 1, seconds)

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
        start = self._stream.start_time or 0
        return max(0.0, float((decoded.pts - start) * decoded.time_base))

    def _check_complete(self, count: int, seconds: float) -> None:
        if count == 0:
            raise self._broken(0, "it holds no picture at all")
        shown = seconds + 1 / self.facts.fps
        missing = self.facts.duration_seconds - shown
        if missing > max(MISSING_SECONDS, MISSING_SHARE * self.facts.duration_seconds):
            raise self._broken(
                count, f"it ends at {shown:.1f} of {self.facts.duration_seconds:.1f} seconds"
            )

    def _broken(self, count: int, reason: str) -> InvalidInput:
        promised = f" of {self.facts.frames}" if self.facts.frames else ""
        return InvalidInput(
            f"“{self._name}” is damaged or cut short: after frame {count}{promised}, {reason}. "
            "Export or upload the video again."
        )


@contextmanager
def open_video(file: File) -> Iterator[Video]:
    """Open an upload as a video; raises InvalidInput when it is none."""
    with file.open() as source:
        try:
            # Only the bytes at hand: a playlist must not make FFmpeg open files or addresses.
            container = av.open(
                source, options={"protocol_whitelist": "pipe"}, metadata_errors="replace"
            )
        except av.FFmpegError as error:
            raise InvalidInput(
                f"“{file.name}” is not a video that can be read ({reason_of(error)}). "
                "Upload an MP4, MOV, WebM, MKV or AVI file."
            ) from None
        with container:
            yield Video(container, _video_stream(container, file.name), name=file.name)


def fit(width: int, height: int, widest: int) -> tuple[int, int]:
    """The size of a picture scaled down, never up, to at most `widest` pixels across."""
    scale = min(1.0, widest / width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def reason_of(error: av.FFmpegError) -> str:
    return (error.strerror or str(error)).rstrip(".").lower()


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    for stream in container.streams.video:
        # The cover of a song is a video stream of one picture.
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            stream.thread_count = DECODER_THREADS
            return stream
    raise InvalidInput(f"“{name}” has no video track. Upload a file with moving pictures.")


def _facts(container: InputContainer, stream: VideoStream, name: str) -> VideoFacts:
    if not 0 < stream.width * stream.height <= MOST_PIXELS:
        raise InvalidInput(
            f"“{name}” is {stream.width}x{stream.height} pixels; "
            f"between 1 and {MOST_PIXELS:,} pixels in all can be read. Scale the video down."
        )
    return VideoFacts(
        width=stream.width,
        height=stream.height,
        fps=float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS),
        frames=stream.frames,
        duration_seconds=_duration(container, stream),
    )


def _duration(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska keeps one duration for the file; a longer sound track would make it wrong for video.
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return 0.0
