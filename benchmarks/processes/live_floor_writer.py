"""The floor's writer: PORT BATCHES SIZE PAUSE; starts at a line on its input."""

import json
import sys
import time

from websockets.sync.client import connect

port, batches, size, pause = sys.argv[1:]
with connect(f"ws://127.0.0.1:{port}/", compression=None) as socket:
    sys.stdin.readline()
    seq = 0
    for _ in range(int(batches)):
        now = time.time()
        for _ in range(int(size)):
            seq += 1
            data = {"now": now, "filler": "x" * 200}
            event = {"type": "event", "seq": seq, "at": "", "kind": "log", "data": data}
            socket.send(json.dumps(event))
        time.sleep(float(pause))
