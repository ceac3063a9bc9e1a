"""A real Chromium on a real platform, watched for whatever it complains of."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.running import PASSWORD, RunningPlatform

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 30_000
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


@dataclass(kw_only=True)
class Visitor:
    """A logged-in page; `complaints` gathers console errors and requests that leave the platform."""

    platform: RunningPlatform
    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.platform.url + path)
        return self.page

    def findings(self) -> list[str]:
        """What axe-core finds serious or critical on the page as it is."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document)")
        assert found["passes"], "axe-core looked at nothing"
        return [
            f"{rule['id']}: {node['html'][:200]}"
            for rule in found["violations"]
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]


@contextmanager
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        _do_without(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visiting(
    browser: Browser, platform: RunningPlatform, *, theme: Any = "light", width: int = 1440
) -> Iterator[Visitor]:
    """A window of its own, logged in as `admin`, in the THEME the visitor has chosen."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    visitor = Visitor(platform=platform, page=context.new_page())
    _listen(context, visitor)
    page = visitor.open("/admin/login/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.evaluate("theme => localStorage.setItem('_x_adminTheme', JSON.stringify(theme))", theme)
    yield visitor
    context.close()


def _listen(context: BrowserContext, visitor: Visitor) -> None:
    complaints, home = visitor.complaints, visitor.platform.url
    page = visitor.page
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(error.stack or str(error)))
    ours = (home, "blob:", "data:")
    context.on(
        "request",
        lambda asked: None if asked.url.startswith(ours) else complaints.append(asked.url),
    )


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must have it")
    pytest.skip(reason)
