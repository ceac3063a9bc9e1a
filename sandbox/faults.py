"""A plugin's fault, caught in its child and put into words for people."""

import os
import traceback
from typing import Final

from sandbox.guards.rlimits import open_memory_reserve
from sandbox.reports import Problem, Status

MOST_TEXT: Final = 4000
MOST_TRACEBACK: Final = 20_000
OWN_FOLDER: Final = os.path.dirname(os.path.abspath(__file__)) + os.sep
OUT_OF_MEMORY_WORDS: Final = (
    "can't allocate memory",
    "Insufficient memory",
    "std::bad_alloc",
)


class PluginFault(Exception):
    """Ends a load or a run by the plugin's doing."""

    def __init__(self, status: Status, problem: Problem) -> None:
        super().__init__(problem.message)
        self.status = status
        self.problem = problem


def fault(code: str, message: str) -> PluginFault:
    return PluginFault(Status.FAILED, Problem(code=code, message=message))


def caught(error: BaseException, code: str, message: str) -> PluginFault:
    """Return the fault CODE with ERROR's traceback; where memory ran out, the fault is that."""
    status = Status.FAILED
    if is_out_of_memory(error):
        open_memory_reserve()
        status, code = Status.MEMORY_EXCEEDED, "memory_exceeded"
        message = (
            f"The plugin asked for more memory than its limit allows ({describe(error)}). "
            "Work on less at a time, or raise its memory limit"
        )
    problem = Problem(code=code, message=message, traceback=plugin_traceback(error))
    return PluginFault(status, problem)


def is_out_of_memory(error: BaseException) -> bool:
    """True for MemoryError and for the ways native libraries say the same."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, Exception) and any(word in text(error) for word in OUT_OF_MEMORY_WORDS)


def describe(error: BaseException) -> str:
    """Return `ValueError: what it said`; never raises, whatever the exception's __str__ does."""
    said = text(error)
    name = type(error).__name__
    return f"{name}: {said}" if said else name


def text(error: BaseException) -> str:
    try:
        return str(error)[:MOST_TEXT]
    except Exception:  # noqa: BLE001 - a plugin's own __str__
        return "(its message cannot be shown)"


def root_cause(error: BaseException) -> BaseException:
    """Return the first exception of the chain that led to ERROR."""
    seen = {id(error)}
    while (earlier := _earlier(error)) is not None and id(earlier) not in seen:
        seen.add(id(earlier))
        error = earlier
    return error


def with_root_cause(error: BaseException) -> str:
    """Return a description of ERROR that names the exception it all began with."""
    root = root_cause(error)
    return describe(error) if root is error else f"{describe(error)}, caused by {describe(root)}"


def plugin_traceback(error: BaseException) -> str:
    """Return ERROR's traceback without the sandbox's own frames."""
    try:
        shown = traceback.TracebackException.from_exception(error)
        _drop_our_frames(shown)
        return "".join(shown.format())[-MOST_TRACEBACK:]
    except Exception:  # noqa: BLE001 - a hostile exception must not hide that it was raised
        return "(its traceback cannot be shown)"


def _earlier(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None:
        return error.__cause__
    return None if error.__suppress_context__ else error.__context__


def _drop_our_frames(shown: traceback.TracebackException) -> None:
    kept = [frame for frame in shown.stack if not _is_ours(frame.filename)]
    shown.stack = traceback.StackSummary.from_list(kept)
    for chained in (shown.__cause__, shown.__context__):
        if chained is not None:
            _drop_our_frames(chained)


def _is_ours(filename: str) -> bool:
    return filename.startswith((OWN_FOLDER, "<frozen importlib"))
