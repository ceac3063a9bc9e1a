"""In the child, within the walls: load the plugin, run one call, tell how it ended."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sandbox.faults import PluginFault, caught, describe, fault, text
from sandbox.guards import Guard
from sandbox.loading import find_tools, import_plugin, start_plugin
from sandbox.messages import Call, Checked, Done, Guarded, Loaded, Ready, Start
from sandbox.orders import Setup
from sandbox.outlet import Channel, ChannelOutlet
from sandbox.protocol import FrameTooLarge
from sandbox.reports import Problem, Status
from sandbox.schemas import BadResult, Tool
from sandbox.sdk import File, InvalidInput, Plugin, Run


def work(setup: Setup, guards: list[Guard], channel: Channel) -> None:
    """Do what the runner asks; tell the end; let the plugin close."""
    channel.send(Guarded(guards=[asdict(guard) for guard in guards]))
    outlet = ChannelOutlet(channel, scratch=Path(setup.scratch))
    plugin = None
    try:
        start = channel.receive(Start)
        tools, plugin = load(channel, start)
        done = Done(status=Status.SUCCEEDED)
        if not start.for_check:
            call = channel.receive(Call)
            result = call_tool(plugin, tools, call, Run(outlet))
            done = Done(status=Status.SUCCEEDED, result=result)
    except PluginFault as error:
        done = Done(status=error.status, **asdict(error.problem))
    outlet.flush()
    tell_end(channel, done)
    if plugin is not None:
        close(plugin)


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
        field: File(path=file["path"], name=file["name"], size=os.path.getsize(file["path"]))
        for field, file in call.files.items()
    }
