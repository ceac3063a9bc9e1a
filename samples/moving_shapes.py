"""Draw the sample video: shapes that move, cross, enter and leave over a textured background.

    python -m samples.moving_shapes moving-shapes.mp4

The scene is written down as data (`SCENE`), so the lines that draw it also say where every shape
truly is: `visible_boxes` is the ground truth that a tracker can be measured against.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Points = NDArray[np.float64]
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

SECONDS = 8.0
WIDTH, HEIGHT, FPS = 640, 360, 25
SEED = 20240229

NOISE_GREY_LEVELS = 2.5
"""Standard deviation of the camera noise: what an ordinary camera shows in daylight."""

SUBPIXEL_BITS = 4
"""Shapes move by fractions of a pixel; rounding them to whole pixels would make them jitter."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One actor: a regular outline that travels a straight line, swaying and spinning on its way.

    Places are fractions of the picture's width and height, sizes of its height, and times of the
    film's length, so that the same scene can be drawn in any size and length.
    """

    name: str
    corners: int
    colour: Colour
    radius: float
    start: tuple[float, float]
    end: tuple[float, float]
    enters: float
    leaves: float
    star: bool = False
    turns: float = 0.0
    sway: float = 0.0

    def __post_init__(self) -> None:
        if self.corners < 3:
            raise ValueError(f"{self.name}: an outline has at least 3 corners, not {self.corners}")
        if not 0 <= self.enters < self.leaves <= 1:
            raise ValueError(f"{self.name}: must enter before it leaves, both within 0 to 1")

    def outline(self, moment: float, width: int, height: int) -> Points | None:
        """The corners in pixels at a moment (0 to 1) of the film; None when it is not on stage."""
        if not self.enters <= moment <= self.leaves:
            return None
        way = (moment - self.enters) / (self.leaves - self.enters)
        centre_x = (self.start[0] + way * (self.end[0] - self.start[0])) * width
        centre_y = (self.start[1] + way * (self.end[1] - self.start[1])) * height
        centre_y += self.sway * height * math.sin(2 * math.pi * 2 * way)
        return self._around((centre_x, centre_y), angle=2 * math.pi * self.turns * way, unit=height)

    def _around(self, centre: tuple[float, float], *, angle: float, unit: int) -> Points:
        count = self.corners * 2 if self.star else self.corners
        angles = angle - math.pi / 2 + np.arange(count) * (2 * math.pi / count)
        radii = np.full(count, self.radius * unit)
        if self.star:
            radii[1::2] *= 0.5
        return np.stack(
            [centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], axis=1
        )


# Colours are blue, green, red. Disc and square meet head-on and overlap; the star falls across the
# square and then behind the hexagon; the diamond is there from the first frame, the triangle still
# is at the last.
SCENE: tuple[Shape, ...] = (
    Shape(
        name="diamond", corners=4, colour=(190, 70, 200), radius=0.10,
        start=(0.78, 0.20), end=(0.60, 1.15), enters=0.0, leaves=0.40,
    ),
    Shape(
        name="disc", corners=48, colour=(50, 60, 215), radius=0.095,
        start=(-0.08, 0.40), end=(1.08, 0.36), enters=0.05, leaves=0.62,
    ),
    Shape(
        name="square", corners=4, colour=(205, 120, 40), radius=0.125,
        start=(1.08, 0.54), end=(-0.08, 0.58), enters=0.12, leaves=0.80, turns=0.125,
    ),
    Shape(
        name="star", corners=5, star=True, colour=(70, 220, 245), radius=0.13,
        start=(0.22, -0.16), end=(0.36, 1.16), enters=0.30, leaves=0.85, turns=0.6,
    ),
    Shape(
        name="hexagon", corners=6, colour=(70, 160, 60), radius=0.11,
        start=(-0.08, 0.84), end=(1.08, 0.20), enters=0.48, leaves=1.0, turns=0.5,
    ),
    Shape(
        name="triangle", corners=3, colour=(235, 235, 240), radius=0.12,
        start=(1.08, 0.74), end=(0.55, 0.78), enters=0.55, leaves=1.0, sway=0.06,
    ),
)  # fmt: skip


def visible_boxes(
    frame: int,
    *,
    seconds: float = SECONDS,
    width: int = WIDTH,
    height: int = HEIGHT,
    fps: int = FPS,
) -> dict[str, Box]:
    """The true box (x1, y1, x2, y2 in pixels, clipped to the picture) of every shape in a frame."""
    boxes = {}
    for shape, outline in _on_stage(frame / frame_count(seconds, fps), width, height):
        x1, y1 = np.clip(outline.min(axis=0), 0, (width, height))
        x2, y2 = np.clip(outline.max(axis=0), 0, (width, height))
        if x2 - x1 >= 1 and y2 - y1 >= 1:
            boxes[shape.name] = (float(x1), float(y1), float(x2), float(y2))
    return boxes


def frame_count(seconds: float, fps: int) -> int:
    return round(seconds * fps)


def frames(
    *,
    seconds: float = SECONDS,
    width: int = WIDTH,
    height: int = HEIGHT,
    fps: int = FPS,
    seed: int = SEED,
) -> Iterator[Image]:
    """Every picture of the film, blue-green-red, the same ones for the same arguments."""
    random = np.random.default_rng(seed)
    backdrop = _backdrop(random, width, height)
    total = frame_count(seconds, fps)
    for number in range(total):
        picture = backdrop.copy()
        for shape, outline in _on_stage(number / total, width, height):
            _paint(picture, outline, shape.colour)
        yield _with_noise(picture, random)


def draw(
    path: str | os.PathLike[str],
    *,
    seconds: float = SECONDS,
    width: int = WIDTH,
    height: int = HEIGHT,
    fps: int = FPS,
    seed: int = SEED,
) -> Path:
    """Write the film as H.264 in MP4 to `path` and return it.

    The file appears whole or not at all: it is drawn beside its place and moved there at the end.
    """
    if width % 2 or height % 2:
        raise ValueError(f"H.264 in yuv420p needs even sides, not {width}x{height}")
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    pictures = frames(seconds=seconds, width=width, height=height, fps=fps, seed=seed)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=".mp4")
    os.close(handle)
    unfinished = Path(name)
    try:
        _encode(unfinished, pictures, width=width, height=height, fps=fps)
        unfinished.chmod(0o644)  # mkstemp's 0600 would hide the sample from a worker's own user
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _encode(path: Path, pictures: Iterator[Image], *, width: int, height: int, fps: int) -> None:
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # One thread: x264 divides its work by their number, and the bytes would differ with it.
        stream.options = {"crf": "21", "preset": "veryfast", "threads": "1"}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


def _on_stage(moment: float, width: int, height: int) -> Iterator[tuple[Shape, Points]]:
    for shape in SCENE:
        outline = shape.outline(moment, width, height)
        if outline is not None:
            yield shape, outline


def _backdrop(random: np.random.Generator, width: int, height: int) -> Image:
    """Blotches of three sizes over a gradient: enough texture that nothing is told by plainness."""
    grey = np.linspace(95, 150, height, dtype=np.float32)[:, None].repeat(width, axis=1)
    for blotch, strength in ((64, 22.0), (16, 12.0), (4, 7.0)):
        coarse = random.standard_normal((height // blotch + 2, width // blotch + 2), np.float32)
        grey += strength * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    tint = np.array([0.92, 1.0, 1.04], np.float32)
    return np.asarray(np.clip(grey[:, :, None] * tint, 0, 255), np.uint8)


def _paint(picture: Image, outline: Points, colour: Colour) -> None:
    corners = np.rint(outline * (1 << SUBPIXEL_BITS)).astype(np.int32)
    darker = tuple(level * 0.6 for level in colour)
    cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA, SUBPIXEL_BITS)
    cv2.polylines(picture, [corners], True, darker, 2, cv2.LINE_AA, SUBPIXEL_BITS)


def _with_noise(picture: Image, random: np.random.Generator) -> Image:
    noise = random.standard_normal(picture.shape[:2], np.float32) * NOISE_GREY_LEVELS
    return np.clip(picture + noise[:, :, None], 0, 255).astype(np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw the sample video.")
    parser.add_argument("path", type=Path, help="where the MP4 file goes")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="length (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of the background and the noise")
    options = parser.parse_args(arguments)
    print(draw(options.path, seconds=options.seconds, seed=options.seed))


if __name__ == "__main__":
    main()
