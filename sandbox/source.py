"""What the sandbox is asked to run: a plugin, and one call of one of its tools."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.limits import Limits


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model file a plugin declares; `path` is relative to the plugin's folder."""

    name: str
    path: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Requirements:
    gpu: bool = False
    packages: tuple[str, ...] = ()
    models: tuple[ModelFile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PluginSource:
    """Where a plugin's code lies and what it may have. `entrypoint` is `module:Class`.

    `revision` names the state of its code and config for who changes them: a nursery throws away
    what it made of another one. Without it the plugin's Python files are looked at.
    `reuse`: how many runs a nursery may give to one process in turn, for a plugin that is dear to
    start and cannot be forked.
    """

    name: str
    folder: Path
    entrypoint: str
    config: Mapping[str, Any] = field(default_factory=dict)
    network: bool = False
    requires: Requirements = Requirements()
    revision: str = ""
    reuse: int = 1


@dataclass(frozen=True, kw_only=True)
class FileInput:
    """A file for one of the tool's File parameters; `name` is what its owner called it."""

    path: Path
    name: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One call. `label` marks every process of it, so that a later sweep can find them."""

    plugin: PluginSource
    tool: str
    input: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, FileInput] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    label: str = "run"
