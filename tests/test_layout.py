"""The folder named `platform/` must never hide Python's own module of that name."""

import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_platform_folder_has_no_init_and_holds_only_config() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert [path.name for path in (ROOT / "platform").glob("*") if path.name != "__pycache__"] == [
        "config"
    ]


def test_import_platform_is_pythons_own_here() -> None:
    assert platform.python_version()


def test_import_platform_is_pythons_own_from_the_root() -> None:
    code = "import platform; print(platform.python_version())"
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert printed.strip() == platform.python_version()
