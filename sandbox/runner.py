"""The two things one can ask of the sandbox: run a tool, and load a plugin to look at it.

Both start a keeper, hold the conversation until its tree is dead, and judge the facts. The keeper
enforces the limits; the runner, which alone sees everything, says what it all meant.
"""

import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sandbox.artifacts import FOLDER, collect_artifacts
from sandbox.batches import EventBatcher
from sandbox.conversation import NOBODY, Conversation, Watchers, ignore, never
from sandbox.errors import SandboxError
from sandbox.guards import Guard, GuardState
from sandbox.limits import Limits
from sandbox.messages import Call, Start
from sandbox.orders import Setup
from sandbox.probes.gpu import gpu_problem
from sandbox.reporting import (
    announce,
    judged,
    load_report_of,
    report_of,
    rule_out_our_own_failure,
)
from sandbox.reports import Event, LoadReport, Problem, Report
from sandbox.source import PluginSource, Task
from sandbox.spawn import KeptProcess


def run(
    task: Task,
    *,
    scratch: Path,
    on_events: Callable[[Sequence[Event]], None],
    on_preview: Callable[[bytes], None] = ignore,
    cancelled: Callable[[], str | None] = never,
) -> Report:
    """Run one tool once and return how it went. Never raises for what a plugin does.

    SCRATCH is the only folder the run can write; the caller owns it before and after. ON_EVENTS
    gets batches in order, in this thread; what it raises kills the run and goes on to the caller.
    CANCELLED is asked about ten times a second; the reason it returns ends the run. Raises
    SandboxError for the sandbox's own failures.
    """
    started = time.monotonic()
    watchers = Watchers(batcher=EventBatcher(on_events), on_preview=on_preview, cancelled=cancelled)
    call = Call(tool=task.tool, input=dict(task.input), files=checked_files(task))
    request = Request(limits=task.limits, label=task.label, scratch=prepared(scratch))
    talk = _converse(task.plugin, request, watchers, start=start_of(task.plugin), call=call)
    verdict = judged(talk, task.limits)
    harvest = collect_artifacts(request.scratch, talk.transcript.artifact_names)
    announce(harvest, watchers.batcher)
    return report_of(talk, verdict, harvest, wall_seconds=time.monotonic() - started)


def load(
    plugin: PluginSource,
    *,
    limits: Limits,
    label: str,
    cancelled: Callable[[], str | None] = never,
) -> LoadReport:
    """Check what PLUGIN requires, import it, and take it through init() and validate().

    Where something required is missing, the import is still tried, to find the tools. CANCELLED is
    asked as for a run; a load that it ends has the problem `cancelled`. Never raises for what a
    plugin does; raises SandboxError for the sandbox's own failures.
    """
    started = time.monotonic()
    lacking = gpu_problem() if plugin.requires.gpu else None
    with tempfile.TemporaryDirectory(prefix="bulkhead-load-") as scratch:
        request = Request(limits=limits, label=label, scratch=prepared(Path(scratch)))
        start = _start_for_check(plugin, lacking)
        watchers = replace(NOBODY, cancelled=cancelled)
        talk = _converse(plugin, request, watchers, start=start, call=None)
    return load_report_of(talk, limits, wall_seconds=time.monotonic() - started)


@functools.cache
def guards() -> tuple[Guard, ...]:
    """Return what this machine can enforce, found by raising the walls around an empty child."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-guards-") as folder:
        source = PluginSource(name="guards", folder=Path(folder), entrypoint="")
        label = Path(folder).name
        request = Request(limits=Limits(), label=label, scratch=prepared(Path(folder)))
        talk = _converse(source, request, NOBODY, start=None, call=None)
    rule_out_our_own_failure(talk)
    return talk.transcript.guards


# Guards that are not put up. Only tests change this: each must go red without its guard.
SWITCHED_OFF: tuple[str, ...] = ()


def missing_guards(names: Iterable[str]) -> tuple[Guard, ...]:
    """Return those of the guards NAMES that this machine does not enforce whole.

    For who would rather not start than run plugins without them. Raises ValueError for a name that
    is no guard's.
    """
    known = {guard.name: guard for guard in guards()}
    wanted = list(names)
    if strange := [name for name in wanted if name not in known]:
        raise ValueError(f"{', '.join(strange)}: no such guard; there are {', '.join(known)}")
    return tuple(known[name] for name in wanted if known[name].state is not GuardState.ENFORCED)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What every request to a keeper has in common."""

    limits: Limits
    label: str
    scratch: Path


def _converse(
    plugin: PluginSource,
    request: Request,
    watchers: Watchers,
    *,
    start: Start | None,
    call: Call | None,
) -> Conversation:
    files = tuple(file["path"] for file in call.files.values()) if call else ()
    setup = setup_of(
        plugin,
        request.limits,
        label=request.label,
        scratch=request.scratch,
        readable=files,
    )
    with KeptProcess(setup) as kept:
        talk = Conversation(kept, request.limits, watchers)
        talk.hold(start, call)
    return talk


def setup_of(
    plugin: PluginSource,
    limits: Limits,
    *,
    label: str,
    scratch: Path,
    readable: tuple[str, ...] = (),
) -> Setup:
    """Return what a keeper is told; the deadline is that of the start, and begins now."""
    return Setup(
        label=label,
        scratch=str(scratch),
        plugin_folder=str(plugin.folder.resolve()),
        readable=readable,
        network=plugin.network,
        gpu=plugin.requires.gpu,
        deadline=time.monotonic() + limits.timeout_seconds,
        memory_bytes=limits.memory_bytes,
        scratch_bytes=limits.scratch_bytes,
        processes=limits.processes,
        open_files=limits.open_files,
        frame_bytes=limits.frame_bytes,
        without=SWITCHED_OFF,
    )


def start_of(plugin: PluginSource) -> Start:
    """Return what a child is told to load."""
    return Start(
        folder=str(plugin.folder.resolve()),
        entrypoint=plugin.entrypoint,
        config=dict(plugin.config),
    )


def _start_for_check(plugin: PluginSource, lacking: Problem | None) -> Start:
    start = start_of(plugin)
    start.for_check = True
    start.packages = list(plugin.requires.packages)
    start.models = [asdict(model) for model in plugin.requires.models]
    start.unmet = [asdict(lacking)] if lacking else []
    return start


def prepared(scratch: Path) -> Path:
    try:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in ("tmp", FOLDER):
            (scratch / part).mkdir(exist_ok=True)
    except OSError as error:
        raise SandboxError(f"The scratch folder {scratch} cannot be made: {error}") from error
    return scratch.resolve()


def checked_files(task: Task) -> dict[str, dict[str, str]]:
    files = {}
    for field, file in task.files.items():
        if not os.access(file.path, os.R_OK):
            raise SandboxError(f"The input file {file.path} for {field!r} cannot be read")
        files[field] = {"path": str(file.path.resolve()), "name": file.name}
    return files
