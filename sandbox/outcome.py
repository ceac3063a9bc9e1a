"""From the facts of a run to its final status. Pure: decides, and asks nothing."""

import signal
from dataclasses import dataclass
from typing import Any, Final

from sandbox.limits import Limits
from sandbox.messages import Done
from sandbox.orders import Breach, Ended
from sandbox.reports import Problem, Status

MIB: Final = 1 << 20
MEANINGS: Final = {
    "SIGSEGV": "it touched memory that is not its own, mostly in native code",
    "SIGBUS": "it touched memory that is not there, mostly in native code",
    "SIGABRT": "native code gave up, as on a failed assertion",
    "SIGFPE": "native code divided by zero",
    "SIGILL": "native code met an instruction this processor does not have",
    "SIGKILL": "something outside the sandbox killed it, or it killed itself",
    "SIGXFSZ": "it wrote a file over its size limit",
}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that is known when a run's tree is dead. `was_ready`: its tool call had begun."""

    ended: Ended
    done: Done | None
    protocol_fault: Problem | None
    cancelled: str | None
    was_ready: bool
    limits: Limits


@dataclass(frozen=True, kw_only=True)
class Verdict:
    status: Status
    result: Any = None
    problem: Problem | None = None
    exit_code: int | None = None
    signal: str | None = None


def judge(facts: Facts) -> Verdict:
    """Return how the run ended.

    What the child told before its end stands, whatever befell it afterwards; but an error that
    came with a breach of the memory limit is the breach's doing.
    """
    memory_broke = facts.ended.breach is Breach.MEMORY or facts.ended.oom_kills > 0
    if facts.done is not None and facts.done.status == Status.SUCCEEDED:
        return Verdict(
            status=Status.SUCCEEDED, result=facts.done.result, exit_code=facts.ended.exit_code
        )
    if memory_broke:
        return _killed(facts, Status.MEMORY_EXCEEDED, "memory_exceeded", _memory_words(facts))
    if facts.done is not None:
        return _told(facts.done)
    if facts.cancelled is not None:
        return _killed(facts, Status.CANCELLED, "cancelled", facts.cancelled)
    if facts.protocol_fault is not None:
        return Verdict(status=Status.FAILED, problem=facts.protocol_fault)
    if facts.ended.breach is not None:
        return _breached(facts, facts.ended.breach)
    return _crashed(facts)


def _told(done: Done) -> Verdict:
    problem = Problem(code=done.code, message=done.message, traceback=done.traceback)
    return Verdict(status=Status(done.status), problem=problem)


def _breached(facts: Facts, breach: Breach) -> Verdict:
    limits = facts.limits
    if breach is Breach.DEADLINE:
        return _killed(facts, Status.TIMED_OUT, "timed_out", _timeout_words(facts))
    if breach is Breach.SCRATCH:
        words = (
            f"The run wrote more than its scratch folder may hold ({limits.scratch_bytes // MIB:,} "
            "MiB, 100,000 files) and was killed. Write less, or raise the limit"
        )
        return _killed(facts, Status.FAILED, "scratch_exceeded", words)
    if breach is Breach.PROCESSES:
        words = (
            f"The run had more than {limits.processes:,} processes at once and was killed. "
            "Start fewer, and wait for those that were started"
        )
        return _killed(facts, Status.FAILED, "too_many_processes", words)
    raise AssertionError(f"a run does not end by {breach} without a word from the runner")


def _crashed(facts: Facts) -> Verdict:
    """The child is dead and said nothing: its exit is all there is to tell."""
    ended = facts.ended
    name = signal_name(ended.signal)
    when = "while its tool ran" if facts.was_ready else "while it was starting"
    if name is not None:
        meaning = MEANINGS.get(name, "see the log's last lines")
        message = f"The plugin's process died of {name} {when}: {meaning}"
    elif ended.exit_code is not None:
        message = (
            f"The plugin's process ended with exit code {ended.exit_code} {when}, without a "
            "result: something in it called os._exit() or the like"
        )
    else:
        message = f"The plugin's process vanished {when}: it killed the process above its own"
    return _killed(facts, Status.CRASHED, "crashed", f"{message}. The log tells what came before")


def _killed(facts: Facts, status: Status, code: str, message: str) -> Verdict:
    return Verdict(
        status=status,
        problem=Problem(code=code, message=message),
        exit_code=facts.ended.exit_code,
        signal=signal_name(facts.ended.signal),
    )


def _timeout_words(facts: Facts) -> str:
    limit = f"{facts.limits.timeout_seconds:g} s"
    if facts.was_ready:
        return (
            f"The tool ran longer than its limit of {limit} and was killed with all its processes. "
            "Give it less to do, or raise the plugin's timeout"
        )
    return (
        f"The plugin was not ready within its limit of {limit} and was killed: its import, init() "
        "or validate() hangs or is slow. Mend that, or raise the plugin's timeout"
    )


def _memory_words(facts: Facts) -> str:
    return (
        f"The run took more than its limit of {facts.limits.memory_bytes // MIB:,} MiB over all its "
        "processes and was killed. Work on less at a time, or raise the plugin's memory limit"
    )


def signal_name(number: int | None) -> str | None:
    """Return `SIGSEGV` for 11; a real-time signal has no name and is told by its number."""
    if number is None:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
