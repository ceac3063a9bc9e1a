"""Accounts and roles, as far as their changes belong into the audit."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from plugins_app.actors import Actor
from plugins_app.services import audit


def facts_of(*, subject: Any) -> dict[str, Any]:
    """What the audit tells of a user or a group, as it is in the database now; {} when it is gone."""
    stored = type(subject).objects.filter(pk=subject.pk).first()
    if stored is None:
        return {}
    return _group_facts(stored) if isinstance(stored, Group) else _user_facts(stored)


def record_change(
    *, actor: Actor, subject: Any, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Record what differs between BEFORE and AFTER; nothing when nothing does."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if not names:
        return
    kind = "group" if isinstance(subject, Group) else "user"
    verb = "changed" if before and after else "added" if after else "removed"
    audit.record(
        actor=actor,
        action=f"{kind}.{verb}",
        object=f"{kind}:{subject}",
        before={name: before.get(name) for name in names} if before else None,
        after={name: after.get(name) for name in names} if after else None,
    )


@contextmanager
def watched_password(*, actor: Actor, user_id: str) -> Iterator[None]:
    """Record that the user's password was changed, if what happens within does so."""
    with transaction.atomic():
        before = _password(user_id)
        yield
        user = get_user_model().objects.filter(pk=user_id).first()
        if user is not None and user.password != before:
            audit.record(actor=actor, action="user.password_changed", object=f"user:{user}")


def _password(user_id: str) -> str | None:
    return get_user_model().objects.filter(pk=user_id).values_list("password", flat=True).first()


def _user_facts(user: Any) -> dict[str, Any]:
    return {
        "username": user.get_username(),
        "active": user.is_active,
        "console": user.is_staff,
        "superuser": user.is_superuser,
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "permissions": _codenames(user.user_permissions),
    }


def _group_facts(group: Group) -> dict[str, Any]:
    return {"name": group.name, "permissions": _codenames(group.permissions)}


def _codenames(permissions: Any) -> list[str]:
    pairs = permissions.values_list("content_type__app_label", "codename")
    return sorted(f"{app}.{codename}" for app, codename in pairs)
