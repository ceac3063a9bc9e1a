"""One call to track a video as the platform does."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import sandbox

FOLDER = Path(__file__).resolve().parents[1]
# A child gets the plugin's folder first on its path; so do the tests of its modules.
sys.path.insert(0, str(FOLDER))

TRACKER = sandbox.PluginSource(
    name="motion-tracker", folder=FOLDER, entrypoint="motion_tracker:MotionTracker"
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended and what it said on the way."""

    report: sandbox.Report
    events: tuple[sandbox.Event, ...]
    previews: tuple[bytes, ...]

    @property
    def result(self) -> dict[str, Any]:
        assert self.report.status is sandbox.Status.SUCCEEDED, self.report.problem
        return dict(self.report.result)

    @property
    def rejection(self) -> str:
        assert self.report.status is sandbox.Status.REJECTED, self.report
        assert self.report.problem is not None
        return self.report.problem.message

    def data(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.events if event.kind == kind]

    def artifact(self, name: str) -> Path:
        return next(found.path for found in self.report.artifacts if found.name == name)


@pytest.fixture
def track(tmp_path: Path) -> Callable[..., Outcome]:
    return partial(run_tool, tmp_path / "run")


@pytest.fixture(scope="session")
def tracked(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The sample, tracked once for all that look at the outcome."""
    return run_tool(tmp_path_factory.mktemp("tracked") / "run", sample)


def run_tool(scratch: Path, video: Path, **given: Any) -> Outcome:
    events: list[sandbox.Event] = []
    previews: list[bytes] = []
    task = sandbox.Task(
        plugin=TRACKER,
        tool="track",
        input={"video": {"upload": "1"}} | given,
        files={"video": sandbox.FileInput(path=video, name=video.name)},
        label="test-motion-tracker",
    )
    report = sandbox.run(task, scratch=scratch, on_events=events.extend, on_preview=previews.append)
    return Outcome(report=report, events=tuple(events), previews=tuple(previews))
