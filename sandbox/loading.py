"""In the child: from a folder and `module:Class` to a plugin that is ready, or a fault that helps."""

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from sandbox import schemas
from sandbox.faults import PluginFault, caught, fault, root_cause, with_root_cause
from sandbox.schemas import BadTool, Tool
from sandbox.sdk import TOOL_ATTRIBUTE, Plugin


def import_plugin(folder: str, entrypoint: str) -> type[Plugin]:
    """Return the plugin's class, its folder put first on sys.path."""
    module_name, _, class_name = entrypoint.partition(":")
    if not module_name or not class_name.isidentifier():
        raise fault(
            "bad_entrypoint",
            f"The entrypoint {entrypoint!r} is not of the form `module:Class`. Correct it in "
            "plugin.toml",
        )
    sys.path.insert(0, folder)
    module = _import_module(module_name, entrypoint)
    _check_home(module, folder, entrypoint)
    found = getattr(module, class_name, None)
    if not isinstance(found, type) or not issubclass(found, Plugin):
        raise fault(
            "bad_entrypoint",
            f"The entrypoint {entrypoint!r} leads nowhere: module {module_name!r} has no class "
            f"{class_name!r} that extends sandbox.sdk.Plugin. Its plugins are: "
            f"{_plugin_names(module) or 'none'}. Correct plugin.toml or the code",
        )
    return found


def find_tools(plugin: type[Plugin]) -> dict[str, Tool]:
    """Return the plugin's tools by name; a malformed one is a fault that names every fault."""
    if plugin.validate is Plugin.validate:
        raise fault(
            "no_validate",
            f"{plugin.__name__} has no validate(). Write one that raises when the plugin cannot "
            "do its work: it is what keeps a broken plugin out of service",
        )
    tools: dict[str, Tool] = {}
    wrong: list[str] = []
    for name in dir(plugin):
        method = getattr(plugin, name, None)
        if not hasattr(method, TOOL_ATTRIBUTE) or not callable(method):
            continue
        try:
            tools[name] = schemas.describe_tool(method, name=name)
        except BadTool as error:
            wrong.append(str(error))
    if wrong:
        raise fault("bad_tool", f"{plugin.__name__} has a malformed tool: {'; '.join(wrong)}")
    if not tools:
        raise fault(
            "no_tools",
            f"{plugin.__name__} has no tools. Mark at least one method with @tool",
        )
    return tools


def start_plugin(plugin: type[Plugin], *, config: Mapping[str, Any], folder: str) -> Plugin:
    """Return an instance that has been through init() and validate()."""
    try:
        instance = plugin.__new__(plugin)
        # Set before __init__, which authors override without calling ours.
        instance.config, instance.folder = dict(config), Path(folder)
        instance.__init__(config=dict(config), folder=Path(folder))  # type: ignore[misc]
        instance.init()
    except BaseException as error:
        raise caught(
            error,
            "init_failed",
            f"init() of {plugin.__name__} failed: {with_root_cause(error)}. Correct it, then "
            "restart the plugin",
        ) from error
    try:
        instance.validate()
    except BaseException as error:
        raise caught(
            error,
            "validate_failed",
            f"validate() of {plugin.__name__} says it cannot work: {with_root_cause(error)}. Mend "
            "what it names, then restart the plugin",
        ) from error
    return instance


def _import_module(name: str, entrypoint: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise fault(
                "bad_entrypoint",
                f"The entrypoint {entrypoint!r} leads nowhere: there is no module {name!r} in the "
                "plugin's folder. Correct plugin.toml or add the file",
            ) from None
        raise _import_fault(name, error) from error
    except BaseException as error:
        raise _import_fault(name, error) from error


def _import_fault(name: str, error: BaseException) -> PluginFault:
    message = f"Importing {name!r} failed: {with_root_cause(error)}. {_advice(error)}"
    return caught(error, "import_failed", message)


def _advice(error: BaseException) -> str:
    root = root_cause(error)
    if isinstance(root, ModuleNotFoundError) and root.name:
        return f"Install {root.name!r} and declare it under [requires] packages"
    if isinstance(root, SyntaxError):
        return f"Correct line {root.lineno} of {os.path.basename(root.filename or 'the file')}"
    return "Correct it, then restart the plugin"


def _check_home(module: ModuleType, folder: str, entrypoint: str) -> None:
    home = getattr(module, "__file__", None) or ""
    if not os.path.realpath(home).startswith(os.path.realpath(folder) + os.sep):
        raise fault(
            "bad_entrypoint",
            f"The entrypoint {entrypoint!r} names a module that is not the plugin's own: "
            f"{module.__name__!r} comes from {home or 'the interpreter'}. Give the plugin's module "
            "another name",
        )


def _plugin_names(module: ModuleType) -> str:
    names = (
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Plugin) and value is not Plugin
    )
    return ", ".join(names)
