"""The feed's writer: BATCHES SIZE PAUSE; says which run, and starts at a line on its input."""

import json
import sys
import time

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from knox.models import AuthToken  # noqa: E402

import sandbox  # noqa: E402
from plugins_app.lifecycle import RunStatus, Via  # noqa: E402
from plugins_app.models import Plugin, Run, Worker  # noqa: E402
from plugins_app.services import events  # noqa: E402

user, _is_new = get_user_model().objects.get_or_create(username="bench", is_superuser=True)
plugin, _is_new = Plugin.objects.get_or_create(name="bench", version="1", folder="/", digest="0")
worker = Worker.objects.create(host="bench", pid=1, process_started=0.0)
run = Run.objects.create(
    plugin=plugin,
    plugin_version="1",
    tool="bench",
    status=RunStatus.RUNNING,
    actor="bench",
    via=Via.CLI,
    worker=worker,
)
print(json.dumps({"run": str(run.pk), "token": AuthToken.objects.create(user)[1]}), flush=True)
sys.stdin.readline()

batches, size, pause = sys.argv[1:]
first = 1
for _ in range(int(batches)):
    now = time.time()
    said = sandbox.Event(kind="log", data={"now": now, "filler": "x" * 200}, at=now)
    events.append(run_id=run.pk, worker_id=worker.pk, first_seq=first, events=[said] * int(size))
    first += int(size)
    time.sleep(float(pause))
