"""A new plugin's folder, written from the templates in `scaffold/`."""

import importlib.util
import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

TEMPLATES: Final = Path(__file__).parent / "scaffold"
SLUG: Final = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
LONGEST_NAME: Final = 100


def problem_with_name(name: str) -> str:
    """Why no plugin can be made under NAME; "" when one can."""
    if SLUG.fullmatch(name) and len(name) <= LONGEST_NAME:
        return ""
    wish = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_NAME] or "my-plugin"
    return f"{name!r} is no name for a plugin: use small letters, digits and -, such as {wish}"


def write_plugin(name: str, folder: Path) -> tuple[Path, ...]:
    """Write a working plugin NAME into FOLDER, which is made, and return its files.

    Raises FileExistsError where FOLDER exists already.
    """
    module = module_name(name)
    words = {
        "name": name,
        "module": module,
        "class_name": "".join(part.capitalize() for part in module.split("_")),
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "folder": str(folder),
    }
    folder.mkdir(parents=True)
    (folder / "tests").mkdir()
    return tuple(
        _write(folder / path, template, words)
        for path, template in (
            ("plugin.toml", "plugin.toml.txt"),
            (f"{module}.py", "module.py.txt"),
            ("README.md", "README.md.txt"),
            (f"tests/test_{module}.py", "test_module.py.txt"),
        )
    )


def module_name(name: str) -> str:
    """A module's name for the plugin NAME that hides no module already there."""
    module = name.replace("-", "_")
    if not module.isidentifier():
        module = f"plugin_{module}"
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or _is_taken(module):
        module = f"{module}_plugin"
    return module


def _is_taken(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _write(path: Path, template: str, words: Mapping[str, str]) -> Path:
    path.write_text(Template((TEMPLATES / template).read_text()).substitute(words))
    return path
