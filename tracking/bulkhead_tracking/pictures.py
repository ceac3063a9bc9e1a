"""Pictures to look at: the preview, and the video with the boxes drawn in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from bulkhead_tracking.tracker import Sighting

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

JPEG_QUALITY: Final = 75
TICKS_PER_SECOND: Final = 90_000
"""Fine enough for the times of any frame, so that a variable frame rate stays what it was."""

GOLDEN_ANGLE: Final = 67
"""In OpenCV's 180 steps of hue: ids that follow one another get colours that do not resemble."""


def jpeg(picture: Picture) -> bytes:
    _done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()


def annotated(
    picture: Picture, sightings: Sequence[Sighting], labels: Sequence[str] = ()
) -> Picture:
    """A copy of the picture with each box and its number drawn in, and its label if there are any."""
    drawn = picture.copy()
    for sighting in sightings:
        _draw(drawn, sighting, labels[sighting.label] if labels else "")
    return drawn


class Film:
    """An H.264 file under way. The pictures must all have the size of the first."""

    def __init__(self, container: OutputContainer, fps: float) -> None:
        self._container = container
        self._rate = Fraction(fps).limit_denominator(1001)
        self._stream: VideoStream | None = None
        self._last_tick = -1

    def add(self, picture: Picture, *, seconds: float) -> None:
        stream = self._stream or self._open(picture)
        if picture.shape[:2] != (stream.height, stream.width):
            picture = np.asarray(cv2.resize(picture, (stream.width, stream.height)), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        # Times that stand still or run backwards are seen in files; an encoder refuses them.
        self._last_tick = max(self._last_tick + 1, round(seconds * TICKS_PER_SECOND))
        frame.pts, frame.time_base = self._last_tick, Fraction(1, TICKS_PER_SECOND)
        self._container.mux(stream.encode(frame))

    def finish(self) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())

    def _open(self, picture: Picture) -> VideoStream:
        stream = self._stream = self._container.add_stream("libx264", rate=self._rate)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_SECOND)
        # One thread and a short look ahead: a run has its memory limit, and frames take memory.
        stream.options = {"crf": "26", "preset": "veryfast", "threads": "1", "rc-lookahead": "10"}
        return stream


@contextmanager
def film(path: Path | None, fps: float) -> Iterator[Film | None]:
    """Write an MP4 file to `path`; None: nothing is wanted and nothing is written."""
    if path is None:
        yield None
        return
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        made = Film(container, fps)
        yield made
        made.finish()


def _draw(picture: Picture, sighting: Sighting, label: str) -> None:
    colour = _colour(sighting.id)
    x1, y1, x2, y2 = (round(float(edge)) for edge in sighting.box)
    cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 2, cv2.LINE_AA)
    words = f"{label} {sighting.id}".lstrip()
    (width, height), _below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    top = max(0, y1 - height - 6)
    cv2.rectangle(picture, (x1, top), (x1 + width + 6, top + height + 6), colour, cv2.FILLED)
    place = (x1 + 3, top + height + 3)
    cv2.putText(picture, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)


def _colour(identity: int) -> Colour:
    hue = np.array([[[identity * GOLDEN_ANGLE % 180, 200, 255]]], np.uint8)
    blue, green, red = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0]
    return int(blue), int(green), int(red)
