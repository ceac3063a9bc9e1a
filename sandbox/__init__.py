"""Runs plugin code in guarded child processes. Knows no web framework; usable alone.

    report = sandbox.run(task, scratch=folder, on_events=print)

`run` never raises for what a plugin does: the report says how it ended. See README.md.
"""

from sandbox.errors import SandboxError
from sandbox.guards import Guard, GuardState
from sandbox.limits import Limits
from sandbox.nursery import Nursery
from sandbox.probes.gpu import gpu_facts
from sandbox.reports import (
    Artifact,
    Event,
    LoadReport,
    Problem,
    Report,
    Stage,
    Status,
    ToolSpec,
)
from sandbox.runner import guards, load, missing_guards, run
from sandbox.source import FileInput, ModelFile, PluginSource, Requirements, Task
from sandbox.spawn import sweep

__all__ = [
    "Artifact",
    "Event",
    "FileInput",
    "Guard",
    "GuardState",
    "Limits",
    "LoadReport",
    "ModelFile",
    "Nursery",
    "PluginSource",
    "Problem",
    "Report",
    "Requirements",
    "SandboxError",
    "Stage",
    "Status",
    "Task",
    "ToolSpec",
    "gpu_facts",
    "guards",
    "load",
    "missing_guards",
    "run",
    "sweep",
]
