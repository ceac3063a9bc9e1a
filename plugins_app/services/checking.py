"""A plugin looked at before it is registered: nothing is written, its code runs in the sandbox only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sandbox
from plugins_app.errors import ManifestError
from plugins_app.limits import effective_limits
from plugins_app.manifest import Manifest, read_manifest
from plugins_app.models import Plugin
from plugins_app.services import sandboxing


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What keeps a plugin out of service. `pointer` leads into plugin.toml where it lies there."""

    code: str
    message: str
    pointer: str | None = None
    traceback: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a look at a plugin's folder found; `tools` as a plugin's record would hold them."""

    folder: Path
    name: str | None = None
    version: str | None = None
    initialized: bool = False
    tools: tuple[sandbox.ToolSpec, ...] = ()
    problems: tuple[Problem, ...] = ()
    wall_seconds: float = 0.0
    log_tail: str = ""

    @property
    def ok(self) -> bool:
        return self.initialized and not self.problems


def check_plugin(*, folder: Path) -> Check:
    """Read the manifest, check what it requires, import, init() and validate(), as a worker would."""
    folder = folder.resolve()
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        faults = (_of_fault(fault) for fault in error.faults)
        return Check(folder=folder, name=error.name, problems=tuple(faults))
    try:
        return _loaded(folder, manifest)
    except sandbox.SandboxError as error:
        words = f"The sandbox itself failed: {error}. `manage.py doctor` says what it lacks"
        problem = Problem(code="sandbox_error", message=words)
        return _check(folder, manifest, problems=(problem,))


def _loaded(folder: Path, manifest: Manifest) -> Check:
    # A record that is never saved: what a worker would make its request to the sandbox from.
    plugin = Plugin(name=manifest.name, folder=str(folder), manifest=manifest.to_json())
    report = sandbox.load(
        sandboxing.source_of(plugin),
        limits=sandboxing.limits_of(effective_limits(plugin)),
        label=f"check-{manifest.name}",
    )
    found = [*report.unavailable, *([report.problem] if report.problem else [])]
    return _check(
        folder,
        manifest,
        initialized=report.stage is sandbox.Stage.INITIALIZED,
        tools=report.tools,
        problems=tuple(_of_report(problem) for problem in found),
        wall_seconds=report.wall_seconds,
        log_tail=report.log_tail,
    )


def _check(folder: Path, manifest: Manifest, **found: Any) -> Check:
    return Check(folder=folder, name=manifest.name, version=manifest.version, **found)


def _of_fault(fault: Any) -> Problem:
    message = f"plugin.toml: {fault.pointer} {fault.message}"
    return Problem(code="bad_manifest", message=message, pointer=fault.pointer)


def _of_report(problem: sandbox.Problem) -> Problem:
    return Problem(code=problem.code, message=problem.message, traceback=problem.traceback)
