"""The operators' page names every variable there is, with the default it has."""

import re
from pathlib import Path

from config import settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()
READ = re.compile(r'env\.\w+\(\s*"(\w+)"')


def rows() -> dict[str, str]:
    found = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \|", PAGE, re.MULTILINE)
    return {name: default.strip() for name, default in found}


def test_every_variable_is_on_the_page_and_no_other() -> None:
    source = (ROOT / "platform" / "config" / "settings.py").read_text()
    assert set(rows()) == set(READ.findall(source))


def test_the_units_stop_only_the_parent_and_outlast_the_drain() -> None:
    stop = re.search(r"KillMode=mixed\nTimeoutStopSec=(\d+)", PAGE)
    assert stop is not None
    assert int(stop[1]) > settings.DRAIN_SECONDS + 5


def test_the_drain_it_promises_is_the_one_there_is() -> None:
    assert f"runs in progress get {settings.DRAIN_SECONDS} s to finish" in PAGE
