"""A worker's part, in a process of its own: makes a run, says which, and at a word writes it full.

Prints a line of JSON: `run`, `token` (of a Viewer), `ticket`. Then reads a line, COUNT and PAUSE
seconds, from its input and writes COUNT events, one by one, each with its moment in `data`.
"""

import json
import sys
import time

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.models import Group  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402
from knox.models import AuthToken  # noqa: E402

import sandbox  # noqa: E402
from plugins_app import hints  # noqa: E402
from plugins_app.lifecycle import RunStatus, State, Via  # noqa: E402
from plugins_app.models import Plugin, Run, Worker  # noqa: E402
from plugins_app.services import events, tickets  # noqa: E402


def make_run() -> Run:
    plugin, _is_new = Plugin.objects.get_or_create(
        name="echo",
        defaults={"version": "1", "folder": "/e", "digest": "0", "state": State.RUNNING},
    )
    worker = Worker.objects.create(host="there", pid=2, process_started=0.0)
    return Run.objects.create(
        plugin=plugin,
        plugin_version="1",
        tool="say",
        status=RunStatus.RUNNING,
        actor="ann",
        via=Via.API,
        worker=worker,
    )


def introduce(run: Run) -> None:
    user, _is_new = get_user_model().objects.get_or_create(username="vera")
    user.groups.set(Group.objects.filter(name="Viewer"))
    _record, token = AuthToken.objects.create(user)
    facts = {"run": str(run.pk), "token": token, "ticket": tickets.issue_ticket(user=user)}
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def write(run: Run, count: int, pause: float) -> None:
    for seq in range(1, count + 1):
        now = timezone.now().timestamp()
        said = sandbox.Event(kind="log", data={"message": str(seq), "now": now}, at=now)
        events.append(run_id=run.pk, worker_id=run.worker_id, first_seq=seq, events=[said])
        time.sleep(pause)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SUCCEEDED)
    hints.ring()


run = make_run()
introduce(run)
connection.close()  # what happens to the database while this waits is not its concern
words = sys.stdin.readline().split()
write(run, int(words[0]), float(words[1]))
