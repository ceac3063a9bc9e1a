"""The one recipe for a change of state: ask the pure table, update guarded, write history, ring.

A transition is the last act of its transaction but the audit: the registry's clock is locked from
here to the commit, which puts transitions and generations in one order for every reader.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from plugins_app import hints, registry
from plugins_app.actors import Actor
from plugins_app.errors import StaleState
from plugins_app.lifecycle import Action, State, next_state
from plugins_app.models import Plugin, RegistryClock, Transition

OPENING_SERVICE = frozenset({Action.INITIALIZE})
CLOSING_SERVICE = frozenset({Action.FAIL, Action.MARK_UNAVAILABLE, Action.RELOAD})


def apply(
    *,
    plugin: Plugin,
    action: Action,
    actor: Actor,
    code: str,
    reason: str,
    traceback: str = "",
    run_id: UUID | None = None,
    changes: dict[str, Any] | None = None,
) -> Plugin:
    """Move PLUGIN by ACTION, with CHANGES to its other fields, and write the history.

    PLUGIN is the record as its caller read it: when its state has changed since then, the guarded
    update touches no row and StaleState is raised. Raises IllegalTransition where the table has no
    such step. Must run inside the caller's transaction.
    """
    old = State(plugin.state)
    new = next_state(old, action)
    fields = _state_fields(action, new, code, reason, traceback) | (changes or {})
    # The plugin before the clock, as everyone locks them: most callers hold it already.
    if not Plugin.objects.filter(pk=plugin.pk, state=old).update(**fields):
        raise StaleState
    generation, seq = advance_clock(transitions=1)
    Plugin.objects.filter(pk=plugin.pk).update(generation=generation)
    for name, value in fields.items():
        setattr(plugin, name, value)
    plugin.generation = generation
    _write_history(plugin, old, new, actor=actor, code=code, reason=reason, run_id=run_id, seq=seq)
    return plugin


def register(*, plugin: Plugin, actor: Actor) -> Plugin:
    """Insert PLUGIN, which is not in the database yet, in its first state."""
    generation, seq = advance_clock(transitions=1)
    plugin.state = next_state(None, Action.REGISTER)
    plugin.generation = generation
    plugin.save(force_insert=True)
    reason = f"version {plugin.version} registered"
    _write_history(
        plugin, None, State.LOADED, actor=actor, code="registered", reason=reason, seq=seq
    )
    return plugin


def touch(*, plugin: Plugin, **changes: Any) -> None:
    """Change fields of PLUGIN other than its state, and let every process know."""
    Plugin.objects.filter(pk=plugin.pk).update(**changes)
    generation, _seq = advance_clock()
    Plugin.objects.filter(pk=plugin.pk).update(generation=generation)
    for name, value in changes.items():
        setattr(plugin, name, value)
    plugin.generation = generation


def advance_clock(*, transitions: int = 0) -> tuple[int, int]:
    """Return the next generation and the last transition's number; the clock stays locked."""
    RegistryClock.objects.get_or_create(pk=1)
    RegistryClock.objects.filter(pk=1).update(
        generation=F("generation") + 1, transitions=F("transitions") + transitions
    )
    transaction.on_commit(registry.note_change)
    hints.ring()
    generation, seq = RegistryClock.objects.values_list("generation", "transitions").get(pk=1)
    return generation, seq


def _state_fields(
    action: Action, new: State, code: str, reason: str, traceback: str
) -> dict[str, Any]:
    now = timezone.now()
    fields: dict[str, Any] = {
        "state": new,
        "code": code,
        "reason": reason,
        "traceback": traceback,
        "since": now,
    }
    if action in OPENING_SERVICE:
        fields["in_service_since"] = now
    if action in CLOSING_SERVICE:
        fields["in_service_since"] = None
    return fields


def _write_history(
    plugin: Plugin,
    old: State | None,
    new: State,
    *,
    actor: Actor,
    code: str,
    reason: str,
    seq: int,
    run_id: UUID | None = None,
) -> None:
    Transition.objects.create(
        seq=seq,
        plugin=plugin,
        from_state=old,
        to_state=new,
        code=code,
        reason=reason,
        actor=actor.name[:200],
        run_id=run_id,
        at=plugin.since,
    )
