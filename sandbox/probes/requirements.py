"""All a plugin requires but the GPU, which is probed outside the walls."""

from pathlib import Path

from sandbox.messages import Start
from sandbox.probes.models import check_model
from sandbox.probes.packages import check_package
from sandbox.reports import Problem
from sandbox.source import ModelFile


def check_requirements(start: Start) -> list[Problem]:
    """Return a problem for every package and model file that is not as declared."""
    folder = Path(start.folder)
    models = [ModelFile(**model) for model in start.models]  # type: ignore[arg-type]
    found = [check_package(text) for text in start.packages]
    found += [check_model(folder, model) for model in models]
    return [problem for problem in found if problem is not None]
