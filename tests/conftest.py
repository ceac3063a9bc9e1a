"""Fixtures that every part of the suite uses. What only one part needs stands in its own folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test import TransactionTestCase

from plugins_app import registry, triggers
from plugins_app.roles import ensure_roles

_flush = TransactionTestCase._fixture_teardown


def _flush_audit_too(case: TransactionTestCase) -> None:
    with triggers.lifted(connection):
        _flush(case)


# Emptying the tables after a test is just what the audit's triggers are there to refuse.
TransactionTestCase._fixture_teardown = _flush_audit_too


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.SCRATCH_ROOT = tmp_path / "scratch"


@pytest.fixture(autouse=True)
def _registry_starts_afresh() -> None:
    # A rolled back or emptied database takes its generation numbers back; the registry cannot know.
    registry.forget()


@pytest.fixture
def make_user(db: None) -> Callable[..., Any]:
    """Return a maker of users: `make_user("ann", "Operator", "Auditor")`; no role: no permission."""
    ensure_roles(apps)

    def make(name: str, *roles: str, **fields: Any) -> Any:
        user = get_user_model().objects.create_user(name, password=f"{name}-password", **fields)
        user.groups.set(Group.objects.filter(name__in=roles))
        return user

    return make


@pytest.fixture
def write_plugin(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return a maker of plugin folders: `write_plugin("name", code, manifest_lines)`."""

    def write(name: str, code: str, manifest: str = "") -> Path:
        folder = tmp_path / "plugins" / name
        folder.mkdir(parents=True)
        module = name.replace("-", "_")
        head = f'name = "{name}"\nversion = "1.0.0"\nentrypoint = "{module}:{_class_name(name)}"\n'
        (folder / "plugin.toml").write_text(head + manifest)
        (folder / f"{module}.py").write_text(code)
        return folder

    return write


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
