"""What plugin authors import: `from sandbox.sdk import File, InvalidInput, Plugin, Run, tool`.

A plugin is a class with tools:

    class Counter(Plugin):
        def validate(self) -> None:
            if self.config.get("step", 1) < 1:
                raise ValueError("step must be at least 1")

        @tool(title="Count")
        def count(self, run: Run, upto: int = 10) -> dict[str, int]:
            for number in range(upto):
                run.progress(number, upto)
            return {"last": upto}

Annotations are the contract: the JSON Schemas of a tool's input and output are made from them.
Bounds and titles go into `Annotated[int, msgspec.Meta(ge=1, title="Frames")]`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeVar, overload

__all__ = ["File", "InvalidInput", "Plugin", "Run", "tool"]

TOOL_ATTRIBUTE: Final = "__bulkhead_tool__"

Method = TypeVar("Method", bound=Callable[..., Any])


class InvalidInput(Exception):
    """The caller's fault: the run is rejected with this message and the plugin stays up."""


@dataclass(frozen=True, kw_only=True)
class File:
    """An input file, readable for the length of the run and never writable.

    Goes wherever a path goes: `open(video)`, `os.stat(video)`, `av.open(video.path)`.
    """

    path: Path
    name: str
    size: int

    def open(self) -> BinaryIO:
        return self.path.open("rb")

    def __fspath__(self) -> str:
        return str(self.path)


class Outlet(Protocol):
    """Where a run's words go: to the platform in a guarded child, to a list in a plugin's test."""

    def progress(self, done: float, total: float | None) -> None: ...
    def emit(self, kind: str, data: Mapping[str, Any]) -> None: ...
    def preview(self, jpeg: bytes, frame: int, time: float) -> None: ...
    def log(self, message: str, level: str) -> None: ...
    def artifact(self, name: str) -> Path: ...


class Run:
    """A tool's line to whoever watches its run. Safe to use from any thread of the tool."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def progress(self, done: float, total: float | None = None) -> None:
        """Move the progress bar. Call it as often as you like: the newest value always arrives."""
        self._outlet.progress(done, total)

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        """Send one event of the live feed: KIND in snake_case, DATA a JSON object.

        NumPy scalars and arrays are turned into numbers and lists, NaN and infinity into null.
        """
        self._outlet.emit(kind, data)

    def preview(self, jpeg: bytes, *, frame: int = 0, time: float = 0.0) -> None:
        """Show a picture, which is not kept. Those that come faster than can be seen are skipped."""
        self._outlet.preview(jpeg, frame, time)

    def log(self, message: str, *, level: str = "info") -> None:
        """Write a line to the run's log; LEVEL is debug, info, warning or error."""
        self._outlet.log(message, level)

    def artifact(self, name: str) -> Path:
        """Return the path to write the file NAME to; it is kept with the run when the run ends."""
        return self._outlet.artifact(name)


class Plugin:
    """Base class. `config` holds the plugin's settings, `folder` is where its code lies."""

    config: Mapping[str, Any]
    folder: Path

    def __init__(self, *, config: Mapping[str, Any] | None = None, folder: Path | None = None):
        self.config = config or {}
        self.folder = folder or Path.cwd()

    def init(self) -> None:
        """Load models and whatever else is dear. Called once per start."""

    def validate(self) -> None:
        """Raise when the plugin cannot do its work. Every plugin must write its own."""
        raise NotImplementedError("validate() is required")

    def close(self) -> None:
        """Let go of what init() took. Called after the result is safe; may be cut short."""


@dataclass(frozen=True, kw_only=True)
class ToolMark:
    """What `@tool` notes down on a method."""

    title: str | None = None
    description: str | None = None
    streams: bool = False


@overload
def tool(method: Method, /) -> Method: ...


@overload
def tool(
    *, title: str | None = None, description: str | None = None, streams: bool = False
) -> Callable[[Method], Method]: ...


def tool(
    method: Method | None = None,
    /,
    *,
    title: str | None = None,
    description: str | None = None,
    streams: bool = False,
) -> Method | Callable[[Method], Method]:
    """Make a method a tool. TITLE defaults to its name, DESCRIPTION to its docstring."""
    mark = ToolMark(title=title, description=description, streams=streams)

    def decorate(method: Method) -> Method:
        setattr(method, TOOL_ATTRIBUTE, mark)
        return method

    return decorate if method is None else decorate(method)
