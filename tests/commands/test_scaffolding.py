"""`new_plugin` makes a plugin that `check_plugin` accepts and whose own test passes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins_app.management.scaffolding import module_name
from tests.commands.conftest import ROOT, Done

Command = Callable[..., Done]


def test_a_new_plugin_is_accepted_and_its_test_passes(command: Command, tmp_path: Path) -> None:
    made = command("new_plugin", "word-count", "--path", tmp_path)
    folder = tmp_path / "word-count"
    assert made.code == 0
    assert f"check_plugin {folder}" in made.out
    assert sorted(path.name for path in folder.rglob("*.*")) == [
        "README.md",
        "plugin.toml",
        "test_word_count.py",
        "word_count.py",
    ]
    assert "word-count" in (folder / "README.md").read_text()

    check = command("check_plugin", folder, "--json")
    assert check.code == 0
    assert check.json["ok"] is True
    assert check.json["tools"][0]["name"] == "count_words"

    _run_its_tests(folder)


def _run_its_tests(folder: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "DJANGO"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_nothing_is_overwritten(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    made = command("new_plugin", "mine", "--path", tmp_path)
    assert made.code == 1
    assert "exists: choose another name" in made.err
    assert not list((tmp_path / "mine").iterdir())


@pytest.mark.parametrize("name", ["My Plugin", "-x", "a/b", "..", "a" * 101, "ä", ""])
def test_a_name_that_is_none_is_refused_with_a_better_one(
    command: Command, tmp_path: Path, name: str
) -> None:
    made = command("new_plugin", "--path", tmp_path, "--", name)
    assert made.code == 2
    assert "is no name for a plugin" in made.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("harbour-watch", "harbour_watch"),
        ("2d-view", "plugin_2d_view"),
        ("json", "json_plugin"),
        ("class", "class_plugin"),
        ("numpy", "numpy_plugin"),
    ],
)
def test_a_module_hides_no_other(name: str, module: str) -> None:
    assert module_name(name) == module
