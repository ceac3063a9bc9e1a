"""The two things one can ask of the sandbox: run a tool, and load a plugin to look at it.

Both start a keeper, hold the conversation until its tree is dead, and judge the facts. The keeper
enforces the limits; the runner, which alone sees everything, says what it all meant.
"""

import functools
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from sandbox.artifacts import FOLDER, Harvest, collect_artifacts
from sandbox.batches import EventBatcher
from sandbox.conversation import NOBODY, Conversation, Watchers, ignore, never
from sandbox.errors import SandboxError
from sandbox.guards import Guard, GuardState
from sandbox.limits import Limits
from sandbox.messages import Call, Start
from sandbox.orders import Breach, Ended, Setup
from sandbox.outcome import Facts, Verdict, judge
from sandbox.probes.gpu import gpu_problem
from sandbox.reports import Event, LoadReport, Problem, Report, Stage, Status
from sandbox.source import PluginSource, Task
from sandbox.spawn import KeptProcess

KEEPER_GUARDS: Final = ("process_tree", "signals")
LOAD_CODES: Final = {
    Status.TIMED_OUT: "load_timed_out",
    Status.MEMORY_EXCEEDED: "load_memory_exceeded",
    Status.CRASHED: "load_crashed",
}


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
    call = Call(tool=task.tool, input=dict(task.input), files=_checked_files(task))
    request = Request(limits=task.limits, label=task.label, scratch=_prepared(scratch))
    talk = _converse(task.plugin, request, watchers, start=_start(task.plugin), call=call)
    verdict = _judged(talk, task.limits)
    harvest = collect_artifacts(request.scratch, talk.transcript.artifact_names)
    _announce(harvest, watchers.batcher)
    return _report(talk, verdict, harvest, wall_seconds=time.monotonic() - started)


def load(plugin: PluginSource, *, limits: Limits, label: str) -> LoadReport:
    """Check what PLUGIN requires, import it, and take it through init() and validate().

    Where something required is missing, the import is still tried, to find the tools. Never raises
    for what a plugin does; raises SandboxError for the sandbox's own failures.
    """
    started = time.monotonic()
    lacking = gpu_problem() if plugin.requires.gpu else None
    with tempfile.TemporaryDirectory(prefix="bulkhead-load-") as scratch:
        request = Request(limits=limits, label=label, scratch=_prepared(Path(scratch)))
        start = _start_for_check(plugin, lacking)
        talk = _converse(plugin, request, NOBODY, start=start, call=None)
    return _load_report(talk, limits, wall_seconds=time.monotonic() - started)


@functools.cache
def guards() -> tuple[Guard, ...]:
    """Return what this machine can enforce, found by raising the walls around an empty child."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-guards-") as folder:
        source = PluginSource(name="guards", folder=Path(folder), entrypoint="")
        label = Path(folder).name
        request = Request(limits=Limits(), label=label, scratch=_prepared(Path(folder)))
        talk = _converse(source, request, NOBODY, start=None, call=None)
    _rule_out_our_own_failure(talk)
    return talk.transcript.guards


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
    with KeptProcess(_setup(plugin, request, call)) as kept:
        talk = Conversation(kept, request.limits, watchers)
        talk.hold(start, call)
    return talk


def _setup(plugin: PluginSource, request: Request, call: Call | None) -> Setup:
    limits = request.limits
    return Setup(
        label=request.label,
        scratch=str(request.scratch),
        plugin_folder=str(plugin.folder.resolve()),
        readable=tuple(file["path"] for file in call.files.values()) if call else (),
        network=plugin.network,
        gpu=plugin.requires.gpu,
        deadline=time.monotonic() + limits.timeout_seconds,
        memory_bytes=limits.memory_bytes,
        scratch_bytes=limits.scratch_bytes,
        processes=limits.processes,
        open_files=limits.open_files,
        frame_bytes=limits.frame_bytes,
    )


def _start(plugin: PluginSource) -> Start:
    return Start(
        folder=str(plugin.folder.resolve()),
        entrypoint=plugin.entrypoint,
        config=dict(plugin.config),
    )


def _start_for_check(plugin: PluginSource, lacking: Problem | None) -> Start:
    start = _start(plugin)
    start.for_check = True
    start.packages = list(plugin.requires.packages)
    start.models = [asdict(model) for model in plugin.requires.models]
    start.unmet = [asdict(lacking)] if lacking else []
    return start


def _prepared(scratch: Path) -> Path:
    try:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in ("tmp", FOLDER):
            (scratch / part).mkdir(exist_ok=True)
    except OSError as error:
        raise SandboxError(f"The scratch folder {scratch} cannot be made: {error}") from error
    return scratch.resolve()


def _checked_files(task: Task) -> dict[str, dict[str, str]]:
    files = {}
    for field, file in task.files.items():
        if not os.access(file.path, os.R_OK):
            raise SandboxError(f"The input file {file.path} for {field!r} cannot be read")
        files[field] = {"path": str(file.path.resolve()), "name": file.name}
    return files


def _judged(talk: Conversation, limits: Limits) -> Verdict:
    return judge(
        Facts(
            ended=_rule_out_our_own_failure(talk),
            done=talk.transcript.done,
            protocol_fault=talk.fault,
            cancelled=talk.cancel_reason,
            was_ready=talk.transcript.stage is Stage.INITIALIZED,
            limits=limits,
        )
    )


def _rule_out_our_own_failure(talk: Conversation) -> Ended:
    """Return how the tree ended, or raise SandboxError where that was the sandbox's doing."""
    ended = talk.ended or _ended_without_keeper(talk)
    if broken := talk.transcript.broken or ended.broken:
        raise SandboxError(f"The sandbox failed in its own work: {broken}")
    if ended.breach is Breach.ORPHANED:
        raise SandboxError("The sandbox's keeper took its worker for dead and ended the run")
    if not talk.transcript.guards and ended.breach is None:
        said = talk.log_tail.text() or "it said nothing"
        raise SandboxError(f"The sandbox's child died before its walls stood: {said}")
    return ended


def _ended_without_keeper(talk: Conversation) -> Ended:
    """The keeper died without a word: no plugin's doing where the walls keep plugins from it."""
    if talk.overdue:
        # It was killed with its run, for being late: a run can load a machine until nothing moves.
        return Ended(breach=Breach.DEADLINE, signal=signal.SIGKILL)
    walls = [guard for guard in talk.transcript.guards if guard.name in KEEPER_GUARDS]
    if not walls or any(guard.state is GuardState.ENFORCED for guard in walls):
        raise SandboxError(
            f"The sandbox's keeper died without a word: {talk.log_tail.text() or 'killed outside'}"
        )
    return Ended()


def _announce(harvest: Harvest, batcher: EventBatcher) -> None:
    for artifact in harvest.artifacts:
        batcher.add("artifact", {"name": artifact.name, "size": artifact.size})
    for reason in harvest.refused:
        batcher.add("log", {"level": "warning", "message": reason, "stream": "sandbox"})
    batcher.flush()


def _report(
    talk: Conversation, verdict: Verdict, harvest: Harvest, *, wall_seconds: float
) -> Report:
    ended = talk.ended or Ended()
    return Report(
        status=verdict.status,
        result=verdict.result,
        problem=verdict.problem,
        wall_seconds=wall_seconds,
        cpu_seconds=ended.cpu_seconds,
        peak_memory_bytes=ended.peak_memory_bytes,
        exit_code=verdict.exit_code,
        signal=verdict.signal,
        artifacts=harvest.artifacts,
        log_tail=talk.log_tail.text(),
        guards=talk.transcript.guards,
    )


def _load_report(talk: Conversation, limits: Limits, *, wall_seconds: float) -> LoadReport:
    verdict = _judged(talk, limits)
    said = talk.transcript
    problem = verdict.problem
    if problem is not None and verdict.status in LOAD_CODES:
        problem = replace(problem, code=LOAD_CODES[verdict.status])
    return LoadReport(
        stage=said.stage,
        tools=said.tools,
        unavailable=said.unavailable,
        # A child that lacks what it requires has nothing better to end with than that.
        problem=None if problem in said.unavailable else problem,
        guards=said.guards,
        wall_seconds=wall_seconds,
        peak_memory_bytes=talk.ended.peak_memory_bytes if talk.ended else 0,
        log_tail=talk.log_tail.text(),
    )
