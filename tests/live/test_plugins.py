"""`/ws/plugins/`: every transition, for as long as the client stays."""

from collections.abc import Callable

import pytest
from django.db import transaction

from plugins_app.actors import Actor
from plugins_app.lifecycle import Action
from plugins_app.models import Plugin, Run, Transition
from plugins_app.services import transitions
from tests.live.conftest import Client, Scribe

Watch = Callable[..., Client]


def move(plugin: Plugin, action: Action, run: Run | None = None) -> None:
    with transaction.atomic():
        transitions.apply(
            plugin=plugin,
            action=action,
            actor=Actor(name="ann"),
            code="tried",
            reason="a test moved it",
            run_id=run.pk if run else None,
        )


def test_a_transition_is_told_as_it_happens(watch: Watch, scribe: Scribe, plugin: Plugin) -> None:
    client = watch(None)
    assert client.next() == {"type": "hello", "last_seq": 0}
    move(plugin, Action.FAIL, scribe.run)
    row = Transition.objects.get()
    assert client.next() == {
        "type": "event",
        "seq": 1,
        "at": row.at.isoformat().replace("+00:00", "Z"),
        "kind": "transition",
        "data": {
            "plugin": "echo",
            "from": "RUNNING",
            "to": "FAILED",
            "code": "tried",
            "reason": "a test moved it",
            "actor": "ann",
            "run": str(scribe.run.pk),
        },
    }


def test_without_after_it_starts_from_now_and_with_it_from_there(
    watch: Watch, plugin: Plugin
) -> None:
    for action in (Action.FAIL, Action.RESTART, Action.INITIALIZE):
        move(plugin, action)
    now = watch(None)
    assert now.next() == {"type": "hello", "last_seq": 3}
    since = watch(None, "?after=1")
    assert since.next() == {"type": "hello", "last_seq": 3}
    assert since.take(2) == [2, 3]
    move(plugin, Action.FAIL)
    for client in (now, since):
        message = client.next()
        assert (message["seq"], message["data"]["run"]) == (4, None)


def test_it_does_not_end_by_itself(watch: Watch, scribe: Scribe) -> None:
    client = watch(None)
    client.next()
    scribe.end()
    with pytest.raises(TimeoutError):
        client.socket.recv(timeout=1.5)
