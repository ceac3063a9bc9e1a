"""What the documentation shows works."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import load_command_class

from plugins_app.errors import ManifestError
from plugins_app.manifest import parse_manifest
from tests.commands.conftest import ROOT, Done

PLUGINS = (ROOT / "docs" / "plugins.md").read_text()
DJANGOS_OWN = {"-h", "-v"} | {
    f"--{name}"
    for name in (
        "help",
        "version",
        "verbosity",
        "settings",
        "pythonpath",
        "traceback",
        "no-color",
        "force-color",
        "skip-checks",
    )
}
COMMANDS = (ROOT / "docs" / "commands.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PLUGINS, re.DOTALL)


def test_the_plugin_in_the_documentation_goes_into_service(
    command: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "search.py").write_text(blocks("python")[0])
    (tmp_path / "plugin.toml").write_text(blocks("toml")[0])
    check = command("check_plugin", tmp_path)
    assert check.code == 0, check.out


def test_the_faults_in_the_documentation_are_those_that_are_told() -> None:
    manifest = blocks("toml")[0].replace("memory_mb = 256", "memory_mb = 16").replace("gpu", "gpus")
    with pytest.raises(ManifestError) as caught:
        parse_manifest(manifest)
    told = {f"{fault.pointer} {fault.message}" for fault in caught.value.faults}
    assert told == set(blocks("text")[0].splitlines())


@pytest.mark.parametrize(
    "name",
    [
        "up",
        "run_workers",
        "doctor",
        "scan_plugins",
        "plugins",
        "run_plugin",
        "restart_plugin",
        "new_plugin",
        "check_plugin",
        "verify_audit",
        "prune_runs",
    ],
)
def test_every_command_and_option_is_documented(name: str) -> None:
    [heading] = re.findall(rf"^## ({name}\b.*)$", COMMANDS, re.MULTILINE)
    parser = load_command_class("plugins_app", name).create_parser("manage.py", name)
    options = {option for action in parser._actions for option in action.option_strings}
    assert set(re.findall(r"--[a-z-]+", heading)) == options - DJANGOS_OWN
