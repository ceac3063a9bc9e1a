"""Take the pictures of the docs: `python -m tests.console.pictures`."""

import tempfile
from pathlib import Path

from tests.console.browsing import chromium, visiting
from tests.console.scene import play
from tests.running import ROOT, RunningPlatform, end

PICTURES = ROOT / "docs" / "pictures"
DARK = ("run", "plugin", "dashboard")
SETTLE_MS = 1500


def take() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bulkhead-pictures-"))
    platform = RunningPlatform(folder=folder, options=("--port", "0"))
    platform.start()
    try:
        scene = play(platform)
        with chromium() as browser:
            for theme in ("light", "dark"):
                with visiting(browser, platform, theme=theme) as visitor:
                    for name, address in scene.pages.items():
                        if theme == "dark" and name not in DARK:
                            continue
                        page = visitor.open(address + ("#frame-60" if name == "run" else ""))
                        page.wait_for_timeout(SETTLE_MS)
                        page.screenshot(path=PICTURES / f"{name}-{theme}.png")
    finally:
        end(platform)


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    take()
