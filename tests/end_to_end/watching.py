"""A live-feed client as a user would write one: connects, acknowledges, keeps everything."""

import json
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.client import connect

from tests.running import RunningPlatform


@dataclass(kw_only=True)
class Watched:
    """What a feed said: its first message, its events in order, its last, and the close code."""

    hello: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    code: int | None = None


def watch_run(platform: RunningPlatform, run_id: str, *, after: int = 0) -> Watched:
    """Follow a run to its end."""
    address = platform.url.replace("http", "ws", 1) + f"/ws/runs/{run_id}/?after={after}"
    token = {"Authorization": f"Token {platform.login()}"}
    with connect(address, additional_headers=token, max_size=None) as socket:
        seen = Watched(hello=json.loads(socket.recv(timeout=10)))
        for message in socket:
            if isinstance(message, bytes):
                seen.previews.append(message)
                frame = int.from_bytes(message[8:16], "big")
                socket.send(json.dumps({"type": "ack", "preview": frame}))
                continue
            heard = json.loads(message)
            if heard["type"] == "end":
                seen.end = heard
            else:
                seen.events.append(heard)
                socket.send(json.dumps({"type": "ack", "seq": heard["seq"]}))
        seen.code = socket.close_code
    return seen
