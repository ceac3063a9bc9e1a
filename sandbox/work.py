"""In the child, within the walls: load the plugin, run one call, tell how it ended."""

import gc
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec

from sandbox import fresh, protocol
from sandbox.faults import PluginFault, caught, describe, fault, text
from sandbox.guards import Guard
from sandbox.guards.namespaces import Namespaces
from sandbox.guards.rlimits import limit_process
from sandbox.loading import find_tools, import_plugin, start_plugin
from sandbox.messages import Call, Checked, Done, Guarded, Loaded, Ready, Start
from sandbox.orders import Confines, Setup
from sandbox.outlet import Channel, ChannelOutlet
from sandbox.protocol import FrameTooLarge
from sandbox.reports import Problem, Status
from sandbox.schemas import BadResult, Tool
from sandbox.sdk import File, InvalidInput, Plugin, Run
from sandbox.template import Slots, become_standby, flush_output

MOST_WARM_UP: Final = 1 << 16


class Work:
    """One child's work: to load a plugin, and for one call of it to tell how it ended.

    A template does the first, and each standby that it forks the second.
    """

    def __init__(
        self,
        setup: Setup,
        spaces: Namespaces,
        guards: list[Guard],
        channel: Channel,
        slots: Slots | None,
    ) -> None:
        self._setup = setup
        self._spaces = spaces
        self._guards = guards
        self._channel = channel
        self._slots = slots
        self._scratch = setup.scratch
        self._plugin: Plugin | None = None
        self._tools: Mapping[str, Tool] = {}
        self._stays = False

    def do(self) -> None:
        """Do what the runner asks; tell the end; let the plugin close."""
        self._channel.send(Guarded(guards=[asdict(guard) for guard in self._guards]))
        with suppress(EOFError):  # the runner wants no more
            self._tell_end_of(self._first)
            while self._stays:
                self._tell_end_of(self._call)
        if self._plugin is not None:
            close(self._plugin)

    def _tell_end_of(self, deed: Callable[[], Any]) -> None:
        try:
            done = Done(status=Status.SUCCEEDED, result=deed())
        except PluginFault as error:
            done = Done(status=error.status, **asdict(error.problem))
        if self._stays:
            flush_output()  # what comes after the end belongs to nobody
        tell_end(self._channel, done)

    def _first(self) -> Any:
        start = self._channel.receive(Start)
        self._tools, self._plugin = load(self._channel, start)
        if start.for_check:
            return None
        if self._setup.standby:
            self._label_room = fresh.LabelRoom()
        if start.as_template and self._slots is not None:
            self._become_standby(self._slots, self._tools)
        return self._call()

    def _call(self) -> Any:
        assert self._plugin is not None
        call = self._channel.receive(Call)
        self._stays = call.stays
        if call.confines is not None:
            self._confine(Confines(**call.confines))
        outlet = ChannelOutlet(self._channel, scratch=Path(self._scratch))
        try:
            return call_tool(self._plugin, self._tools, call, Run(outlet))
        finally:
            outlet.flush()

    def _become_standby(self, slots: Slots, tools: Mapping[str, Tool]) -> None:
        warm_up(tools.values())
        gc.collect()
        gc.freeze()  # a collection in a standby would touch, and so copy, every page
        self._channel, self._scratch = become_standby(self._channel, slots)
        fresh.settle_into(self._scratch)
        fresh.reopen_files(own={self._channel.fileno()})
        fresh.reseed()
        # Once more, while nobody waits: what is written to is copied at its first touch.
        warm_up(tools.values())
        limit_process(self._setup, self._spaces, for_good=False)
        self._label_room.write(self._setup.label)

    def _confine(self, confines: Confines) -> None:
        self._label_room.write(confines.label)
        # One that stays may be given more the next time.
        limit_process(confines.put_on(self._setup), self._spaces, for_good=not self._stays)
        self._channel.frame_bytes = confines.frame_bytes


def warm_up(tools: Iterable[Tool]) -> None:
    """Do now what a run does first, so that it finds it done."""
    for message in (Call(tool="", input={}, files={}), Done(status=Status.SUCCEEDED)):
        frame = protocol.encode(msgspec.to_builtins(message), limit=MOST_WARM_UP)
        for received in protocol.FrameReader(limit=MOST_WARM_UP).feed(frame):
            msgspec.convert(received.message(), Call | Done)
    for tool in tools:
        with suppress(InvalidInput):
            tool.arguments({}, {})
        with suppress(BadResult):
            tool.checked_result(None)


def load(channel: Channel, start: Start) -> tuple[Mapping[str, Tool], Plugin]:
    """Return the plugin, ready, and its tools; every step on the way is told.

    A plugin whose requirements are unmet goes no further than its import: that may fail for want of
    them, and then tells nothing about the plugin itself.
    """
    unavailable = [Problem(**problem) for problem in start.unmet]
    if start.for_check:
        # Only here: runs are not held up by what only a check needs.
        from sandbox.probes.requirements import check_requirements

        unavailable += check_requirements(start)
        channel.send(Checked(unavailable=[asdict(problem) for problem in unavailable]))
    try:
        plugin_class = import_plugin(start.folder, start.entrypoint)
        tools = find_tools(plugin_class)
        channel.send(Loaded(tools=[asdict(tool.spec) for tool in tools.values()]))
    except PluginFault as error:
        if unavailable and error.problem.code == "import_failed":
            raise PluginFault(Status.FAILED, unavailable[0]) from None
        raise
    if unavailable:
        raise PluginFault(Status.FAILED, unavailable[0])
    plugin = start_plugin(plugin_class, config=start.config, folder=start.folder)
    channel.send(Ready())
    return tools, plugin


def call_tool(plugin: Plugin, tools: Mapping[str, Tool], call: Call, run: Run) -> Any:
    """Return the tool's result as JSON builtins, or raise the fault that took its place."""
    tool = _tool(tools, call.tool)
    try:
        arguments = tool.arguments(call.input, _files(call))
        if tool.run_parameter:
            arguments[tool.run_parameter] = run
        return tool.checked_result(getattr(plugin, call.tool)(**arguments))
    except InvalidInput as error:
        problem = Problem(code="invalid_input", message=text(error) or "the input is not valid")
        raise PluginFault(Status.REJECTED, problem) from None
    except BadResult as error:
        raise fault(
            "bad_result",
            f"{call.tool}() returned what its annotation does not allow: {error}. NaN and infinity "
            "count as null. Correct the result or the annotation",
        ) from None
    except SystemExit as error:
        message = f"{call.tool}() called sys.exit({error.code!r}); return a result or raise instead"
        raise caught(error, "system_exit", message) from None
    except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is its answer
        raise caught(error, "exception", f"{call.tool}() raised {describe(error)}") from None


def tell_end(channel: Channel, done: Done) -> None:
    try:
        channel.send(done)
    except FrameTooLarge as error:
        message = f"The result is too large: {error}. Return less, or write an artifact"
        channel.send(Done(status=Status.FAILED, code="bad_result", message=message))


def close(plugin: Plugin) -> None:
    # The result is safe by now: what close() does wrong is a line in the log, nothing more.
    try:
        plugin.close()
    except BaseException as error:  # noqa: BLE001
        with suppress(Exception):
            print(f"close() raised {describe(error)}", flush=True)


def _tool(tools: Mapping[str, Tool], name: str) -> Tool:
    try:
        return tools[name]
    except KeyError:
        message = f"The plugin has no tool {name!r}; it has {', '.join(tools)}. Reload the plugin"
        raise PluginFault(Status.REJECTED, Problem(code="unknown_tool", message=message)) from None


def _files(call: Call) -> dict[str, File]:
    return {
        field: File(path=Path(file["path"]), name=file["name"], size=os.path.getsize(file["path"]))
        for field, file in call.files.items()
    }
