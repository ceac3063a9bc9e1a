"""The API as a stranger meets it: one with a plugin of their own, and nothing but its page in hand."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.running import RunningPlatform, end

MANIFEST = """
name = "sums"
version = "1.0.0"
description = "Adds up."
entrypoint = "sums:Sums"

[config]
key = {default = "", secret = true}
greeting = {default = "hello"}
"""
CODE = """
from sandbox.sdk import File, InvalidInput, Plugin, Run, tool


class Sums(Plugin):
    def validate(self) -> None: ...

    @tool
    def add(self, left: int, right: int, note: File | None = None) -> dict:
        return {"sum": left + right, "note": note and note.open().read().decode()}

    @tool(title="Settings")
    def settings(self) -> dict:
        return {"greeting": self.config["greeting"], "key": len(self.config["key"])}
"""


@pytest.fixture(scope="module")
def up(
    make_platform: Callable[..., RunningPlatform], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    """A platform with the plugin `sums` beside the bundled ones."""
    folder: Path = tmp_path_factory.mktemp("plugins") / "sums"
    folder.mkdir()
    (folder / "plugin.toml").write_text(MANIFEST)
    (folder / "sums.py").write_text(CODE)
    platform = make_platform(plugin_path=(folder.parent,))
    for name in ("echo", "sums"):
        platform.wait_for_plugin(name, "INITIALIZED")
    yield platform
    end(platform)


def finished(up: RunningPlatform, tool: str, **input: Any) -> dict[str, Any]:
    address = f"/api/v1/plugins/sums/tools/{tool}/run/"
    answer = up.post(address, input, headers={"Prefer": "wait=30"})
    assert answer.status == 200, answer.body
    return dict(answer.json)


def watch(up: RunningPlatform, run_id: str) -> ClientConnection:
    address = up.url.replace("http://", "ws://") + f"/ws/runs/{run_id}/"
    return connect(address, additional_headers={"Authorization": f"Token {up.login()}"})


def test_each_fault_of_an_input_is_told_once(up: RunningPlatform) -> None:
    answer = up.post("/api/v1/plugins/sums/tools/add/run/", {"bogus": 1})
    assert answer.status == 400
    pointers = [fault["pointer"] for fault in answer.json["errors"]]
    assert sorted(pointers) == ["/bogus", "/left", "/right"]


def test_a_file_may_be_given_or_left_out(up: RunningPlatform, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("two and two")
    upload = up.upload(tmp_path / "note.txt")
    run = finished(up, "add", left=2, right=2, note={"upload": upload["id"]})
    assert run["result"] == {"sum": 4, "note": "two and two"}
    assert run["files"][0]["sha256"] == upload["sha256"]
    assert finished(up, "add", left=2, right=2)["result"] == {"sum": 4, "note": None}


def test_a_secret_reaches_the_plugin_and_nobody_else(up: RunningPlatform) -> None:
    changes = {"config": {"key": "open sesame", "greeting": "hi"}}
    changed = up.request("PATCH", "/api/v1/plugins/sums/", json=changes)
    assert changed.status == 200
    assert changed.json["config"] == {"key": "set", "greeting": "hi"}
    unchanged = {"config": changed.json["config"]}
    assert up.request("PATCH", "/api/v1/plugins/sums/", json=unchanged).status == 200
    up.post("/api/v1/plugins/sums/reload/", {"reason": "new settings"})
    up.wait_for_plugin("sums", "INITIALIZED")
    assert finished(up, "settings")["result"] == {"greeting": "hi", "key": len("open sesame")}
    for place in ("plugins/sums/", "audit/", "runs/"):
        assert b"open sesame" not in up.get(f"/api/v1/{place}").body


def test_a_client_that_acknowledges_every_event_hears_the_end_before_the_close(
    up: RunningPlatform,
) -> None:
    run = up.run_tool("echo", "emit", count=5)
    up.wait_for_run(run["id"])
    with watch(up, run["id"]) as feed:
        while (message := json.loads(feed.recv(timeout=10)))["type"] != "end":
            if message["type"] == "event":
                time.sleep(0.05)  # the server is through long before this client is
                feed.send(json.dumps({"type": "ack", "seq": message["seq"]}))
        with pytest.raises(ConnectionClosed) as closed:
            feed.recv(timeout=1)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000


def test_a_filter_may_be_left_empty(up: RunningPlatform) -> None:
    finished(up, "add", left=1, right=1)
    nothing = "plugin=&tool=&status=&actor=&since=&until=&search="
    assert up.get(f"/api/v1/runs/?{nothing}").json["results"]


def test_several_statuses_may_be_asked_for(up: RunningPlatform) -> None:
    run = finished(up, "add", left=1, right=1)
    for several in ("status=failed,succeeded", "status=failed&status=succeeded"):
        assert run["id"] in [
            row["id"] for row in up.get(f"/api/v1/runs/?{several}").json["results"]
        ]
    assert up.get("/api/v1/runs/?status=failed,none").status == 400


@pytest.mark.parametrize(
    "since", ["2020-01-01T00:00:00+00:00", "2020-01-01T00:00:00Z", "2020-01-01"]
)
def test_a_time_is_understood_as_clients_write_it(up: RunningPlatform, since: str) -> None:
    assert up.get(f"/api/v1/runs/?since={since}").status == 200


def test_the_methods_that_are_told_are_those_there_are(up: RunningPlatform) -> None:
    refused = up.request("OPTIONS", "/api/v1/plugins/")
    assert (refused.status, refused.json["code"]) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD"


def test_a_plugins_state_began_with_its_last_transition(up: RunningPlatform) -> None:
    finished(up, "add", left=1, right=1)
    up.wait_for_plugin("sums", "INITIALIZED")
    last = up.get("/api/v1/plugins/sums/transitions/?limit=1").json["results"][0]
    health = up.get("/api/v1/plugins/sums/health/").json
    assert (health["state"], health["since"]) == (last["to"], last["at"])


def test_the_bare_address_leads_to_the_console(up: RunningPlatform) -> None:
    assert b"<form" in up.request("GET", "/", token="").body
