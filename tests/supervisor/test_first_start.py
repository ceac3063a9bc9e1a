"""`manage.py up` on an empty folder: what is there, and what is refused."""

import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.running import RunningPlatform
from tests.servers import wait_for


def test_it_says_where_everything_is(platform_up: RunningPlatform) -> None:
    for address in ("/admin/", "/api/v1/", "/api/v1/docs/"):
        assert f"{platform_up.url}{address}\n" in platform_up.log


def test_the_curl_it_prints_works_as_it_stands(platform_up: RunningPlatform) -> None:
    line = re.search(r"^  (curl -s .*)$", platform_up.log, re.MULTILINE)
    assert line is not None
    answer = subprocess.run(
        ["sh", "-c", line[1]], env=platform_up.environment, capture_output=True, text=True
    )
    assert '"token"' in answer.stdout, answer


def test_the_bundled_plugins_come_into_service(platform_up: RunningPlatform) -> None:
    platform_up.wait_for_plugin("echo", "INITIALIZED")


def test_a_run_goes_through(platform_up: RunningPlatform) -> None:
    run = platform_up.run_tool("echo", "say", text="ahoy")
    assert platform_up.wait_for_run(run["id"])["status"] == "succeeded"


def test_its_workers_tell_what_they_enforce(platform_up: RunningPlatform) -> None:
    workers = platform_up.get("/api/v1/workers/").json
    assert len(workers) == 2
    assert all("guards" in worker and "gpu" in worker for worker in workers)


def test_no_web_process_has_loaded_torch(platform_up: RunningPlatform) -> None:
    platform_up.get("/api/v1/plugins/")
    [web] = platform_up.pids("daphne")
    assert "libtorch" not in Path(f"/proc/{web}/maps").read_text()


def test_a_second_start_on_the_same_folder_is_refused(platform_up: RunningPlatform) -> None:
    refused = platform_up.manage("up", "--port", "0")
    assert refused.returncode == 1
    assert platform_up.process is not None
    assert f"already running on {platform_up.folder} (pid {platform_up.process.pid})" in (
        refused.stderr
    )


def test_a_busy_port_names_its_holder(tmp_path: Path) -> None:
    platform = RunningPlatform(folder=tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        refused = platform.manage("up", "--port", str(port))
    assert refused.returncode == 1
    assert f"Port {port} is taken by pid {psutil.Process().pid} (" in refused.stderr
    assert not (tmp_path / "db.sqlite3").exists()


def test_an_address_of_another_machine_is_refused_in_one_line(tmp_path: Path) -> None:
    refused = RunningPlatform(folder=tmp_path).manage("up", "--host", "192.0.2.1")
    assert refused.returncode == 1
    assert refused.stderr.startswith("bulkhead: 192.0.2.1:8000 cannot be listened on")
    assert refused.stderr.count("\n") == 1


def test_the_password_is_told_once_and_the_sample_drawn_once(
    make_platform: Callable[..., RunningPlatform],
) -> None:
    platform = make_platform(variables={"BULKHEAD_ADMIN_PASSWORD": ""}, options=("--port", "0"))
    told = re.search(r"password +(\S+) +\(shown this once\)", platform.log)
    assert told is not None
    body = {"username": "admin", "password": told[1]}
    assert platform.request("POST", "/api/v1/auth/login/", json=body, token="").status == 200
    sample = platform.folder / "samples" / "moving-shapes.mp4"
    wait_for(sample.exists, what="the sample video")
    drawn = sample.stat()
    platform.stop()
    platform.start()
    assert told[1] not in platform.log
    assert "password" not in platform.log
    platform.stop()
    assert sample.stat() == drawn
