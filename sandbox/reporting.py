"""From a conversation that is over to what is told about it."""

import signal
from dataclasses import replace
from typing import Final

from sandbox.artifacts import Harvest
from sandbox.batches import EventBatcher
from sandbox.conversation import Conversation
from sandbox.errors import SandboxError
from sandbox.guards import GuardState
from sandbox.limits import Limits
from sandbox.orders import Breach, Ended
from sandbox.outcome import Facts, Verdict, judge
from sandbox.reports import LoadReport, Report, Stage, Status

KEEPER_GUARDS: Final = ("process_tree", "signals")
LOAD_CODES: Final = {
    Status.TIMED_OUT: "load_timed_out",
    Status.MEMORY_EXCEEDED: "load_memory_exceeded",
    Status.CRASHED: "load_crashed",
}


def judged(talk: Conversation, limits: Limits) -> Verdict:
    return judge(
        Facts(
            ended=rule_out_our_own_failure(talk),
            done=talk.transcript.done,
            protocol_fault=talk.fault,
            cancelled=talk.cancel_reason,
            was_ready=talk.transcript.stage is Stage.INITIALIZED,
            limits=limits,
        )
    )


def rule_out_our_own_failure(talk: Conversation) -> Ended:
    """Return how the tree ended, or raise SandboxError where that was the sandbox's doing."""
    ended = talk.ended or _ended_without_keeper(talk)
    if broken := talk.transcript.broken or ended.broken:
        raise SandboxError(f"The sandbox failed in its own work: {broken}")
    if ended.breach is Breach.ORPHANED:
        raise SandboxError("The sandbox's keeper took its worker for dead and ended the run")
    was_let_be = ended.breach is None and talk.cancel_reason is None
    if not talk.transcript.guards and was_let_be:
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


def announce(harvest: Harvest, batcher: EventBatcher) -> None:
    for artifact in harvest.artifacts:
        batcher.add("artifact", {"name": artifact.name, "size": artifact.size})
    for reason in harvest.refused:
        batcher.add("log", {"level": "warning", "message": reason, "stream": "sandbox"})
    batcher.flush()


def report_of(
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


def load_report_of(talk: Conversation, limits: Limits, *, wall_seconds: float) -> LoadReport:
    verdict = judged(talk, limits)
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
