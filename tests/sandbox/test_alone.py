"""The sandbox stands alone: no Django, nothing of the platform, and its README's example runs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sandbox
from tests.sandbox.conftest import Case

FOLDER = Path(sandbox.__file__).parent
README = FOLDER / "README.md"
FOREIGN = {"django", "plugins_app", "config", "rest_framework", "channels", "django_q"}


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.name)
def test_no_module_imports_the_platform(path: Path) -> None:
    assert not _imports(path) & FOREIGN


def test_importing_it_loads_neither_django_nor_torch() -> None:
    code = "import sandbox, sys; print({'django', 'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=FOLDER.parent) == b"set()\n"


def test_a_child_can_import_the_sdk_and_nothing_of_the_platform(case: Case) -> None:
    outcome = case.run(
        """
        import importlib.util
        names = ("sandbox.sdk", "plugins_app", "config", "samples", "tests")
        return [name for name in names if importlib.util.find_spec(name)]
        """
    )
    assert outcome.report.result == ["sandbox.sdk"]


def test_the_example_in_the_readme_runs_as_printed(tmp_path: Path) -> None:
    plugin, program, printed = re.findall(
        r"```(?:python|text)\n(.*?)```", README.read_text(), re.DOTALL
    )[:3]
    (tmp_path / "counter").mkdir()
    (tmp_path / "counter" / "counter.py").write_text(plugin)
    (tmp_path / "try_it.py").write_text(program)
    said = subprocess.run(
        [sys.executable, "try_it.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(FOLDER.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stderr == ""
    assert said.stdout.strip() == printed.strip()
