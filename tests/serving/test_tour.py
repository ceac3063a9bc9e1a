"""The tour of docs/api.md, pasted into a shell."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.running import PASSWORD, ROOT, RunningPlatform
from tests.servers import wait_for

TOUR = (ROOT / "docs" / "api.md").read_text()


def test_the_tour_can_be_pasted_into_a_shell(
    make_platform: Callable[..., RunningPlatform],
) -> None:
    if shutil.which("curl") is None:
        pytest.fail("needs curl") if os.environ.get("CI") == "true" else pytest.skip("needs curl")
    platform = make_platform(options=("--port", "0"))
    video = platform.folder / "samples" / "moving-shapes.mp4"
    wait_for(video.exists, what="the sample video", seconds=60)
    platform.wait_for_plugin("motion-tracker", "INITIALIZED", seconds=60)
    script = "\n".join(re.findall(r"```sh\n(.*?)```", TOUR, re.DOTALL))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={
            "PATH": os.environ["PATH"],
            "API": f"{platform.url}/api/v1",
            "VIDEO": str(video),
            "PASSWORD": PASSWORD,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"status":"succeeded"' in done.stdout
    assert '"pointer":"/max_frames"' in done.stdout
    assert '"code":"illegal_transition"' in done.stdout
