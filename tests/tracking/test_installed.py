"""Plugins get the library from the environment, as they get NumPy: it must be today's."""

from importlib.metadata import files
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "tracking" / "bulkhead_tracking"


def test_the_installed_library_is_what_its_source_says() -> None:
    installed = {
        Path(file).name: Path(str(file.locate())).read_text()
        for file in files("bulkhead-tracking") or []
        if file.suffix == ".py"
    }
    source = {path.name: path.read_text() for path in SOURCE.glob("*.py")}
    assert installed == source, "run `make install`: the installed library is not today's"
