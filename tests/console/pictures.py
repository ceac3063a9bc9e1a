"""Take the pictures of the docs: `python -m tests.console.pictures`."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from tests.console.browsing import chromium, visiting
from tests.console.scene import play
from tests.running import ROOT, RunningPlatform, end

PICTURES = ROOT / "docs" / "pictures"
DARK = ("run", "plugin", "dashboard")
SETTLE_MS = 1500
# Where this machine keeps the platform is nobody's business.
ELSEWHERE = """here => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replaceAll(here, "/srv/bulkhead");
  }
}"""
SIZE = {"width": 1360, "height": 840}
STEP = 5  # colours are rounded by so much: nobody sees it, and the files are half as large


def take() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bulkhead-pictures-"))
    platform = RunningPlatform(folder=folder, options=("--port", "0"))
    platform.start()
    try:
        scene = play(platform)
        with chromium() as browser:
            for theme in ("light", "dark"):
                with visiting(browser, platform, theme=theme) as visitor:
                    visitor.page.set_viewport_size(SIZE)
                    for name, address in scene.pages.items():
                        if theme == "dark" and name not in DARK:
                            continue
                        page = visitor.open(address + ("#frame-60" if name == "run" else ""))
                        page.wait_for_timeout(SETTLE_MS)
                        page.evaluate(ELSEWHERE, str(ROOT))
                        _keep(page.screenshot(), PICTURES / f"{name}-{theme}.png")
    finally:
        end(platform)


def _keep(png: bytes, path: Path) -> None:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    rounded = (np.round(picture / STEP) * STEP).astype(np.uint8)
    cv2.imwrite(str(path), rounded, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    take()
