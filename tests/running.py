"""The whole platform as its users have it: `manage.py up` in a process of its own, asked over HTTP."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers import wait_for

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "the-tests-own-password"
UP = "Ctrl-C stops it."
UP_SECONDS = 60
STOP_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; HEADERS by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(kw_only=True)
class RunningPlatform:
    """One platform with a data directory of its own. It may be stopped or killed, and started again."""

    folder: Path
    workers: int = 2
    plugin_path: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ("--port", "0", "--no-samples")
    url: str = ""
    process: subprocess.Popen[bytes] | None = None
    _token: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What a `manage.py` command needs to see this platform."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("BULKHEAD_")}
        ours = {
            "BULKHEAD_DATA_DIR": str(self.folder),
            "BULKHEAD_ADMIN_PASSWORD": PASSWORD,
            "BULKHEAD_THROTTLE": "off",
            "BULKHEAD_WORKERS": str(self.workers),
            "BULKHEAD_PLUGIN_PATH": os.pathsep.join(map(str, self.plugin_path)),
        }
        return inherited | ours | dict(self.variables)

    @property
    def log(self) -> str:
        file = self.folder / "up.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self) -> None:
        """Return when it says that it is up."""
        with (self.folder / "up.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", *self.options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )
        wait_for(
            self._is_up_or_dead, what=f"the platform; it says:\n{self.log}", seconds=UP_SECONDS
        )
        found = re.search(r"API +(http://\S+?)/api/v1/", self.log)
        assert found, f"the platform did not start:\n{self.log}"
        self.url = found[1]

    def stop(self) -> float:
        """SIGTERM, as a supervisor sends it; return the seconds that took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self.kill_everything()
            raise AssertionError(f"the platform did not stop:\n{self.log}") from None
        return time.monotonic() - started

    def kill_everything(self) -> None:
        """What a power cut does, without the cut."""
        for process in self.processes():
            _kill(process)
        if self.process is not None:
            self.process.wait(STOP_SECONDS)
        wait_for(lambda: not self.processes(), what="the end of every process", seconds=10)

    def processes(self) -> list[psutil.Process]:
        """Every live process that knows this data directory: the platform's and its plugins'."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def pids(self, word: str) -> list[int]:
        """Return its processes that have WORD in their command line, eldest first."""
        found = [process for process in self.processes() if word in command_line(process)]
        return [p.pid for p in sorted(found, key=lambda process: process.create_time())]

    def manage(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a `manage.py` command on this platform."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def login(self) -> str:
        """Return a token of `admin`'s; `get` and `post` use it from then on."""
        body = {"username": "admin", "password": PASSWORD}
        answer = self.request("POST", "/api/v1/auth/login/", json=body, token="")
        assert answer.status == 200, answer.body
        self._token = str(answer.json["token"])
        return self._token

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        return self.request("POST", path, json=json, **options)

    def upload(self, file: Path) -> dict[str, Any]:
        """Send FILE in; return the upload as the API tells it."""
        boundary = "a-line-that-no-test-file-has"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{file.name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        body = head.encode() + file.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self.request("POST", "/api/v1/uploads/", body=body, headers=kind)
        assert answer.status == 201, answer.body
        return dict(answer.json)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        seconds: float = 70,
    ) -> Answer:
        """Ask as `admin` unless TOKEN says otherwise ("": as nobody). Never raises for a status."""
        sent = dict(headers or {})
        if json is not None:
            body = _json(json)
            sent["Content-Type"] = "application/json"
        if token is None:
            token = self._token or self.login()
        if token:
            sent["Authorization"] = f"Token {token}"
        asked = urllib.request.Request(self.url + path, data=body, headers=sent, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=seconds) as answer:
                return _answer(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return _answer(refusal)

    def run_tool(self, plugin: str, tool: str, **input: Any) -> dict[str, Any]:
        """Queue a run and return it at once."""
        answer = self.post(f"/api/v1/plugins/{plugin}/tools/{tool}/run/", json=input)
        assert answer.status == 202, answer.body
        return dict(answer.json)

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.get(f"/api/v1/runs/{run_id}/").json)

    def wait_for_run(self, run_id: str, *statuses: str, seconds: float = 60) -> dict[str, Any]:
        """Return the run once it has one of STATUSES; without any, once it has ended."""

        def arrived() -> bool:
            status = self.run(run_id)["status"]
            return status in statuses if statuses else status not in ("queued", "running")

        wait_for(arrived, what=f"run {run_id} to be {statuses or 'final'}", seconds=seconds)
        return self.run(run_id)

    def wait_for_plugin(self, name: str, state: str, *, seconds: float = 30) -> dict[str, Any]:
        def plugin() -> dict[str, Any]:
            return dict(self.get(f"/api/v1/plugins/{name}/").json)

        wait_for(lambda: plugin()["state"] == state, what=f"{name} to be {state}", seconds=seconds)
        return plugin()

    def _is_up_or_dead(self) -> bool:
        assert self.process is not None
        return UP in self.log or self.process.poll() is not None

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                return False
            return any(str(self.folder) in value for value in process.environ().values())
        except psutil.Error:
            return False


@pytest.fixture(scope="session")
def make_platform() -> Iterator[Callable[..., RunningPlatform]]:
    """Return a maker of running platforms, each ended by the end of the session at the latest."""
    with ExitStack() as endings:

        def make(**options: Any) -> RunningPlatform:
            folder = Path(tempfile.mkdtemp(prefix="bulkhead-up-"))
            platform = RunningPlatform(folder=folder, **options)
            endings.callback(shutil.rmtree, folder, ignore_errors=True)
            endings.callback(end, platform)
            platform.start()
            return platform

        yield make


@pytest.fixture(scope="module")
def platform_up(make_platform: Callable[..., RunningPlatform]) -> Iterator[RunningPlatform]:
    """A platform for the tests of one module. At its end no process of it may be left."""
    platform = make_platform()
    yield platform
    end(platform)


def end(platform: RunningPlatform) -> None:
    """Stop PLATFORM if it still runs, and hold it to leaving nothing behind."""
    if platform.process is not None and platform.process.poll() is None:
        platform.stop()
    left = [command_line(process) for process in platform.processes()]
    if left:
        platform.kill_everything()
    assert not left, f"the platform left processes behind: {left}"


def command_line(process: psutil.Process) -> str:
    """Return what PROCESS was started with; "" when it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _answer(answer: Any) -> Answer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(status=answer.status, headers=headers, body=answer.read())


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
