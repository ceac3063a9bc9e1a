"""The docs page in a real browser: it draws, under the content security policy, without the network."""

import os
import shutil
from collections.abc import Callable

import pytest
from playwright.sync_api import sync_playwright

from tests.serving.conftest import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


def test_the_docs_page_draws_every_address_and_violates_nothing(
    serve: Callable[..., Server], token: Callable[..., dict[str, str]]
) -> None:
    if not CHROMIUM:
        why = "needs chromium on the PATH"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    server, headers = serve(), token("Viewer")
    said: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(extra_http_headers=headers)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://127.0.0.1:{server.port}/api/v1/docs/")
        page.wait_for_selector("text=/plugins/{name}/health/", timeout=20_000)
        operations = page.locator(".opblock").count()
        browser.close()
    assert operations >= 25
    assert said == []
    assert all(url.startswith((f"http://127.0.0.1:{server.port}/", "data:")) for url in asked)
