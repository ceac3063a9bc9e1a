"""`python -m sandbox check | run | bench`: the sandbox by hand.

check   the table of guards on this machine; exit 1 when one named by --require is not whole
run     one tool of a plugin folder, its events and its report
bench   what a run that does nothing costs here
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sandbox
from sandbox.bench import measure
from sandbox.guards import GuardState

MARKS = {GuardState.ENFORCED: "✓", GuardState.DEGRADED: "~", GuardState.ABSENT: "✗"}


def main(words: Sequence[str] | None = None) -> int:
    """Do what WORDS ask; return the exit code."""
    asked = _parser().parse_args(words)
    try:
        done: int = asked.do(asked)
    except (sandbox.SandboxError, ValueError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return done


def check(asked: argparse.Namespace) -> int:
    rows = [(guard.name, guard.state, guard.how, guard.why) for guard in sandbox.guards()]
    width = max(len(name) for name, *_ in rows)
    for name, state, how, why in rows:
        print(f"{MARKS[state]} {name:{width}}  {state:8}  {how}")
        if why:
            print(f"  {'':{width}}  {'':8}  because: {why}")
    missing = sandbox.missing_guards(asked.require)
    for guard in missing:
        print(f"required, and not enforced here: {guard.name}", file=sys.stderr)
    return 1 if missing else 0


def run(asked: argparse.Namespace) -> int:
    plugin = sandbox.PluginSource(
        name=asked.folder.name,
        folder=asked.folder,
        entrypoint=asked.entrypoint,
        config=json.loads(asked.config),
        network=asked.network,
    )
    files = dict(_file(text) for text in asked.file)
    references = {field: {"upload": file.name} for field, file in files.items()}
    task = sandbox.Task(
        plugin=plugin,
        tool=asked.tool,
        input=json.loads(asked.input) | references,
        files=files,
        limits=sandbox.Limits(timeout_seconds=asked.timeout, memory_bytes=asked.memory_mb << 20),
    )
    with tempfile.TemporaryDirectory(prefix="bulkhead-run-") as scratch:
        report = sandbox.run(task, scratch=Path(scratch), on_events=_show)
    _tell(report)
    return 0 if report.status is sandbox.Status.SUCCEEDED else 1


def bench(_asked: argparse.Namespace) -> int:
    for what, p50, p99 in measure():
        print(f"{what:32}  p50 {p50 * 1e3:8.2f} ms  p99 {p99 * 1e3:8.2f} ms", flush=True)
    return 0


def _show(events: Sequence[sandbox.Event]) -> None:
    for event in events:
        print(f"{event.kind}: {json.dumps(event.data, ensure_ascii=False)}", flush=True)


def _tell(report: sandbox.Report) -> None:
    peak = report.peak_memory_bytes / (1 << 20)
    print(f"{report.status} after {report.wall_seconds:.3f} s, {peak:.0f} MiB at most")
    if report.problem:
        print(f"{report.problem.message}\n{report.problem.traceback}".rstrip())
    else:
        print(json.dumps(report.result, ensure_ascii=False, indent=2))


def _file(text: str) -> tuple[str, sandbox.FileInput]:
    field, _, path = text.partition("=")
    return field, sandbox.FileInput(path=Path(path), name=Path(path).name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    checking = commands.add_parser("check", help="the guards of this machine")
    checking.add_argument("--require", nargs="*", default=[], metavar="GUARD")
    checking.set_defaults(do=check)
    running = commands.add_parser("run", help="run one tool")
    running.add_argument("folder", type=Path)
    running.add_argument("entrypoint", metavar="MODULE:CLASS")
    running.add_argument("tool")
    options: dict[str, dict[str, Any]] = {
        "--input": {"default": "{}", "metavar": "JSON"},
        "--config": {"default": "{}", "metavar": "JSON"},
        "--file": {"action": "append", "default": [], "metavar": "FIELD=PATH"},
        "--timeout": {"type": float, "default": 60.0, "metavar": "SECONDS"},
        "--memory-mb": {"type": int, "default": 1024, "metavar": "MIB"},
        "--network": {"action": "store_true"},
    }
    for name, how in options.items():
        running.add_argument(name, **how)
    running.set_defaults(do=run)
    commands.add_parser("bench", help="what a run costs").set_defaults(do=bench)
    return parser


if __name__ == "__main__":
    sys.exit(main())
