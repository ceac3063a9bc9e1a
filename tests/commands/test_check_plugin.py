"""`check_plugin`: everything that is wrong with a folder, without registering it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import Done

Command = Callable[..., Done]
WritePlugin = Callable[..., Path]

GOOD = """
from sandbox.sdk import Plugin, tool

class Counter(Plugin):
    def validate(self) -> None:
        assert self.config["step"] == 2

    @tool
    def count(self, upto: int = 3) -> int:
        "Count up."
        return upto
"""
STEP = "[config]\nstep = 2\n"


def test_a_good_plugin_shows_its_tools(command: Command, write_plugin: WritePlugin) -> None:
    check = command("check_plugin", write_plugin("counter", GOOD, STEP))
    assert check.code == 0
    assert check.out.startswith("counter 1.0.0\n")
    assert "count: Count\n  Count up.\n" in check.out
    assert '"upto"' in check.out
    assert "Ready:" in check.out


def test_a_good_plugin_is_told_to_scripts_too(command: Command, write_plugin: WritePlugin) -> None:
    check = command("check_plugin", write_plugin("counter", GOOD, STEP), "--json").json
    assert (check["ok"], check["name"], check["version"]) == (True, "counter", "1.0.0")
    assert check["tools"][0]["input_schema"]["properties"]["upto"]["default"] == 3
    assert check["problems"] == []


def test_every_fault_of_the_manifest_is_listed(command: Command, write_plugin: WritePlugin) -> None:
    folder = write_plugin("counter", GOOD, "[limits]\nmemory_mb = 1\n[requires]\ngpus = true\n")
    check = command("check_plugin", folder, "--json")
    assert check.code == 1
    assert "counter has 2 problems" in check.err
    assert {problem["pointer"] for problem in check.json["problems"]} == {
        "/limits/memory_mb",
        "/requires/gpus",
    }


@pytest.mark.parametrize(
    ("code", "manifest", "problem"),
    [
        ("import nonsense_that_is_not_there", "", "import_failed"),
        ("def (", "", "import_failed"),
        (GOOD, "", "validate_failed"),
        (GOOD, STEP + "[requires]\npackages = ['nonsense-that-is-not-there']", "package_missing"),
        (GOOD, STEP + "[models.m]\npath = 'weights.pt'", "model_missing"),
        ("import os\nos._exit(3)", "", "load_crashed"),
    ],
)
def test_what_would_keep_it_out_of_service_is_named(
    command: Command, write_plugin: WritePlugin, code: str, manifest: str, problem: str
) -> None:
    check = command("check_plugin", write_plugin("counter", code, manifest))
    assert check.code == 1
    assert f"Problem ({problem})" in check.out
    assert "would not go into service here" in check.err


def test_a_folder_without_a_manifest_is_told_so(command: Command, tmp_path: Path) -> None:
    check = command("check_plugin", tmp_path)
    assert check.code == 1
    assert "is missing" in check.out


def test_what_is_no_folder_is_a_wrong_command_line(command: Command, tmp_path: Path) -> None:
    check = command("check_plugin", tmp_path / "nowhere")
    assert check.code == 2


def test_what_a_plugin_says_cannot_drive_the_terminal(
    command: Command, write_plugin: WritePlugin
) -> None:
    code = 'raise RuntimeError("\\x1b]0;owned\\x07\\x1b[2J")'
    check = command("check_plugin", write_plugin("counter", code))
    assert "\x1b" not in check.out
    assert "\\x1b[2J" in check.out
