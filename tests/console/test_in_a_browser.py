"""The console as people use it: a real Chromium, a real platform, real runs."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.browsing import Visitor, chromium, visiting
from tests.console.scene import Scene, play
from tests.running import RunningPlatform

OUR_PLUGINS = Path(__file__).parent / "plugins"
MOST_ROWS_DRAWN = 80
PICTURE_WIDTH, PICTURE_HEIGHT = 64, 36
NARROW = 1000
SCROLLING_TABLES = """[...document.querySelectorAll("table")].map((table) => table.parentElement)
  .filter((box) => box.scrollWidth > box.clientWidth + 1).length"""
PICTURE_AND_BOXES = """() => {
  const picture = document.getElementById("stage").dataset.picture;
  const words = document.getElementById("frame-words").textContent;
  return [picture, words.match(/^frame (\\d+),/)?.[1] ?? ""];
}"""


@pytest.fixture(scope="module")
def scene(make_platform: Callable[..., RunningPlatform]) -> Scene:
    platform = make_platform(options=("--port", "0"))
    done = platform.manage("scan_plugins", "--path", str(OUR_PLUGINS))
    assert done.returncode == 0, done.stderr
    return play(platform)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visitor(browser: Browser, scene: Scene) -> Iterator[Visitor]:
    with visiting(browser, scene.platform) as visitor:
        yield visitor
    assert visitor.complaints == []


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_accessible_quiet_and_fits(
    browser: Browser, scene: Scene, theme: str, width: int
) -> None:
    found = {}
    with visiting(browser, scene.platform, theme=theme, width=width) as visitor:
        for name, address in scene.pages.items():
            page = visitor.open(address)
            page.wait_for_timeout(300)
            found[name] = visitor.findings()
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found[name].append("is wider than the window")
            if width > NARROW and (tables := page.evaluate(SCROLLING_TABLES)):
                found[name].append(f"{tables} tables scroll sideways")
    assert {name: what for name, what in found.items() if what} == {}
    assert visitor.complaints == []


def test_a_failed_plugin_is_restarted_with_a_reason(visitor: Visitor, scene: Scene) -> None:
    page = visitor.open("/admin/plugins_app/plugin/")
    row = page.locator("tr", has_text="troublemaker")
    row.get_by_role("button", name="Restart").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Why?").fill("the cable is back in")
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(page.locator("header .bh-badge").first).to_have_text(re.compile("INITIALIZED"))
    visitor.open("/admin/plugins_app/transition/")
    expect(page.locator("tr", has_text="the cable is back in")).to_contain_text("admin")


def test_a_film_is_uploaded_and_its_run_watched_to_the_end(visitor: Visitor, scene: Scene) -> None:
    page = visitor.open(scene.plugin("motion-tracker", "tools"))
    page.get_by_label("Video").set_input_files(scene.film)
    page.get_by_label("Most frames").fill("60")
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url(re.compile(r"/run/.+/change/"))
    expect(page.locator("#view")).to_be_visible()
    _await_status(page, "succeeded")
    expect(page.locator("#film")).to_be_visible()
    page.locator("#scrub").fill("40")
    expect(page.locator("#tracks tr").first).to_be_visible()
    assert _painted(page) > 100
    run_id = page.url.split("/run/")[1].split("/")[0]
    told = scene.platform.run(run_id)
    assert (told["via"], told["actor"]) == ("console", "admin")
    expect(page.locator("#event-count")).to_have_text(str(told["event_count"]))
    expect(page.get_by_role("link", name="tracks.json")).to_be_visible()


def test_a_picture_is_drawn_with_the_boxes_of_its_own_frame(visitor: Visitor, scene: Scene) -> None:
    run = scene.platform.run_tool("camera", "watch", frames=300)
    page = visitor.open(scene.run(run["id"]))
    seen = {""}
    while len(seen) < 4:
        page.wait_for_function(f"() => !{sorted(seen)}.includes(({PICTURE_AND_BOXES})()[0] || '')")
        picture, boxes = page.evaluate(PICTURE_AND_BOXES)
        assert picture == boxes
        seen.add(picture)
    assert _painted(page) == PICTURE_WIDTH * PICTURE_HEIGHT
    expect(page.get_by_text("measured at the end")).to_be_visible()
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_text("Play")
    scene.platform.post(f"/api/v1/runs/{run['id']}/cancel/", json={})
    _await_status(page, "cancelled")


def test_the_log_is_walked_by_keys_and_addresses(visitor: Visitor, scene: Scene) -> None:
    run = scene.platform.run_tool("camera", "watch", frames=60)
    page = visitor.open(scene.run(run["id"]) + "#event-3")
    chosen = page.locator(".bh-event.is-current .n")
    expect(chosen).to_have_text("3")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#pill")).to_have_text(re.compile(r"[0-9]+ new"))
    expect(page.locator("#first-error")).to_contain_text("the lens is dirty")
    page.keyboard.press("j")
    expect(chosen).to_have_text("4")
    page.keyboard.press("k")
    expect(chosen).to_have_text("3")
    page.keyboard.press("e")
    expect(page.locator("#event")).to_contain_text("the lens is dirty")
    page.locator("#pill").click()
    expect(page.locator("#pill")).to_be_hidden()
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("f")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    scene.platform.wait_for_run(run["id"], "succeeded")
    page.goto("about:blank")
    visitor.open(scene.run(run["id"]) + "#frame-42")
    expect(page.locator("#frame-words")).to_contain_text("frame 42,")
    expect(page.locator("#frame-link")).to_have_attribute("href", "#frame-42")
    page.keyboard.press(".")
    expect(page.locator("#frame-words")).to_contain_text("frame 43,")


def test_a_run_is_copied_as_a_call_for_the_shell(visitor: Visitor, scene: Scene) -> None:
    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.open(scene.run(scene.said))
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    asked = command.replace("$TOKEN", scene.platform.login())
    done = subprocess.run(["sh", "-c", asked], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["status"] == "succeeded"


def test_a_lost_connection_is_told_and_comes_back_without_a_hole(
    visitor: Visitor, scene: Scene
) -> None:
    page, sockets, down = visitor.page, [], []

    def between(socket: Any) -> None:
        if down:
            socket.close(code=1012)
        else:
            sockets.append(socket)
            socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/runs/"), between)
    run = scene.platform.run_tool("echo", "emit", count=100, interval_seconds=0.05)
    visitor.open(scene.run(run["id"]))
    expect(page.locator("#event-count")).not_to_have_text("0")
    down.append(True)
    sockets[0].close(code=1012)
    expect(page.locator("#connection")).to_have_text(re.compile(r"Connection lost [1-9] s ago"))
    down.clear()
    expect(page.locator("#connection")).to_be_hidden()
    _await_status(page, "succeeded")
    total = scene.platform.run(run["id"])["event_count"]
    expect(page.locator("#event-count")).to_have_text(str(total))


def test_ten_thousand_events_are_a_handful_of_rows(visitor: Visitor, scene: Scene) -> None:
    run = scene.platform.run_tool("echo", "emit", count=10_000)
    scene.platform.wait_for_run(run["id"], "succeeded")
    total = f"{scene.platform.run(run['id'])['event_count']:,}"
    page = visitor.open(scene.run(run["id"]))
    expect(page.locator("#event-count")).to_have_text(total)
    assert page.locator(".bh-event").count() < MOST_ROWS_DRAWN
    page.locator("#log").evaluate("log => { log.scrollTop = 0; }")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".bh-event").first).to_contain_text("1")
    page.keyboard.press("f")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Search the events").fill("no such words")
    expect(page.locator(".bh-event")).to_have_count(0)


def test_a_running_run_is_cancelled(visitor: Visitor, scene: Scene) -> None:
    run = scene.platform.run_tool("echo", "emit", count=100, interval_seconds=1)
    scene.platform.wait_for_run(run["id"], "running")
    page = visitor.open(scene.run(run["id"]))
    page.get_by_role("button", name="Cancel").click()
    _await_status(page, "cancelled")


def test_a_run_is_compared_and_asked_for_again_with_changes(visitor: Visitor, scene: Scene) -> None:
    run = scene.platform.run_tool("echo", "say", text="quite other words")
    scene.platform.wait_for_run(run["id"], "succeeded")
    page = visitor.open(scene.run(run["id"]))
    page.get_by_role("link", name="Compare with last success").click()
    expect(page.locator("tr", has_text="Input")).to_contain_text("differs")
    visitor.open(scene.run(run["id"]))
    page.get_by_role("link", name="with changes").click()
    say = page.locator("section", has=page.locator("#tool-say"))
    expect(say.get_by_label("Text")).to_have_value("quite other words")
    say.get_by_label("Text").fill("<script>alert(1)</script>")
    say.get_by_role("button", name="Run now").click()
    page.wait_for_url(re.compile(r"/run/.+/change/"))
    _await_status(page, "succeeded")
    expect(page.locator("pre[aria-label=Result]")).to_contain_text("<script>alert(1)</script>")


def test_the_audit_chain_is_verified_by_a_button(visitor: Visitor, scene: Scene) -> None:
    page = visitor.open("/admin/plugins_app/auditentry/")
    page.get_by_role("button", name="Verify the chain").click()
    expect(page.get_by_text("The chain holds")).to_be_visible()


def test_the_list_of_plugins_follows_their_changes(visitor: Visitor, scene: Scene) -> None:
    page = visitor.open("/admin/plugins_app/plugin/")
    row = page.locator("tr", has_text="echo")
    expect(row).to_contain_text("INITIALIZED")
    run = scene.platform.run_tool("echo", "emit", count=3, interval_seconds=1)
    expect(row).to_contain_text("RUNNING")
    scene.platform.wait_for_run(run["id"], "succeeded")
    expect(row).to_contain_text("INITIALIZED")


def _await_status(page: Page, status: str) -> None:
    expect(page.locator("header .bh-badge").first).to_have_text(re.compile(status), timeout=60_000)


def _painted(page: Page) -> int:
    """How many pixels of the canvas are drawn on."""
    return int(
        page.locator("#stage").evaluate(
            "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
            ".filter((v, i) => i % 4 === 3 && v).length"
        )
    )
