"""The sample video, as it is and as a telephone held upright writes it."""

import struct
from pathlib import Path

import pytest

from samples.moving_shapes import draw

UPRIGHT_MATRIX = (1, 0, 0, 0, 1, 0, 0, 0, 1)
QUARTER_TURN_MATRIX = (0, 1, 0, -1, 0, 0, 0, 0, 1)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("sample") / "moving-shapes.mp4")


@pytest.fixture
def quarter_turned(sample: Path, tmp_path: Path) -> Path:
    """The sample as a telephone held upright writes it: the same pictures, and a note to turn them."""
    content = bytearray(sample.read_bytes())
    upright, turned = (
        struct.pack(
            ">9i", *(part << (30 if place == 8 else 16) for place, part in enumerate(matrix))
        )
        for matrix in (UPRIGHT_MATRIX, QUARTER_TURN_MATRIX)
    )
    header = content.index(b"tkhd")
    place = content.index(upright, header)
    content[place : place + len(turned)] = turned
    path = tmp_path / "turned.mp4"
    path.write_bytes(content)
    return path
