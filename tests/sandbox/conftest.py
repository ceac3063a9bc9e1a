"""Plugins written on the spot, and one call to run them."""

import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sandbox
from sandbox import processes

HEAD = """
import os, signal, subprocess, sys, threading, time
from typing import Annotated, Any, Literal, TypedDict
from sandbox.sdk import File, InvalidInput, Plugin, Run, tool

class Case(Plugin):
    def validate(self):
        pass
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A report, what was said on the way, and what of the run still lives."""

    report: sandbox.Report
    events: tuple[sandbox.Event, ...]
    previews: tuple[bytes, ...]
    left: tuple[int, ...]
    scratch: Path

    @property
    def code(self) -> str:
        assert self.report.problem is not None
        return self.report.problem.code

    @property
    def message(self) -> str:
        assert self.report.problem is not None
        return self.report.problem.message

    def data(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.events if event.kind == kind]

    @property
    def log(self) -> list[str]:
        return [data["message"] for data in self.data("log")]


class Case:
    """Writes a plugin and runs its tool `go`, with a NURSERY in a standby that waits for it."""

    def __init__(self, folder: Path, nursery: sandbox.Nursery | None = None) -> None:
        self._folder = folder
        self._nursery = nursery
        self._count = 0

    def source(
        self, code: str, *, whole: bool = False, before: str = "", **fields: Any
    ) -> sandbox.PluginSource:
        """Return a plugin whose class `Case` has the methods of CODE; WHOLE: CODE is all of it.

        BEFORE stands at the top of its module.
        """
        self._count += 1
        folder = self._folder / f"plugin-{self._count}"
        folder.mkdir()
        code = textwrap.dedent(code)
        head, before = HEAD.split("class Case", 1), textwrap.dedent(before)
        around = f"{head[0]}{before}\nclass Case{head[1]}"
        (folder / "case.py").write_text(code if whole else around + textwrap.indent(code, "    "))
        own: dict[str, Any] = {
            "name": f"case-{self._count}",
            "folder": folder,
            "entrypoint": "case:Case",
        }
        return sandbox.PluginSource(**own | fields)

    def tool(self, body: str, **fields: Any) -> sandbox.PluginSource:
        """Return a plugin whose one tool, `go(run)`, does BODY."""
        method = "@tool\ndef go(self, run: Run) -> Any:\n"
        return self.source(method + textwrap.indent(textwrap.dedent(body), "    "), **fields)

    def run(self, plugin: sandbox.PluginSource | str, **how: Any) -> Outcome:
        """Run `go` of PLUGIN, or a tool with the body PLUGIN."""
        source = self.tool(plugin) if isinstance(plugin, str) else plugin
        events: list[sandbox.Event] = []
        previews: list[bytes] = []
        label = uuid.uuid4().hex
        scratch = self._folder / f"scratch-{label}"
        limits = sandbox.Limits(**{"timeout_seconds": 20.0} | how.pop("limits", {}))
        asked = {"on_events": events.extend, "on_preview": previews.append} | how.pop("asked", {})
        own: dict[str, Any] = {"plugin": source, "tool": "go", "limits": limits, "label": label}
        task = sandbox.Task(**own | how)
        if self._nursery is None:
            report = sandbox.run(task, scratch=scratch, **asked)
        else:
            self._nursery.prepare(source, limits=limits, seconds=5)
            report = self._nursery.run(task, scratch=scratch, **asked)
        return Outcome(
            report=report,
            events=tuple(events),
            previews=tuple(previews),
            left=tuple(processes.marked(label)),
            scratch=scratch,
        )

    def load(self, plugin: sandbox.PluginSource, **limits: Any) -> sandbox.LoadReport:
        limit = sandbox.Limits(**{"timeout_seconds": 20.0} | limits)
        return sandbox.load(plugin, limits=limit, label=uuid.uuid4().hex)


# What is true of a run is true of one in a standby too.
BOTH_WAYS = frozenset(
    {
        "test_guards",
        "test_outcomes",
        "test_deadline",
        "test_memory",
        "test_output",
        "test_channel",
        "test_artifacts",
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    suite = metafunc.module.__name__.rpartition(".")[2]
    if "case" in metafunc.fixturenames:
        ways = ("plain", "standby") if suite in BOTH_WAYS else ("plain",)
        metafunc.parametrize("case", ways, indirect=True)


@pytest.fixture
def case(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "plain":
        yield Case(tmp_path)
        return
    with sandbox.Nursery(root=tmp_path / "nests") as nursery:
        yield Case(tmp_path, nursery)
