"""`verify_audit` and `prune_runs`."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from plugins_app import triggers
from plugins_app.models import AuditEntry, Plugin, Run, Worker
from tests.commands.conftest import Done

Command = Callable[..., Done]
Register = Callable[..., Plugin]


@pytest.mark.django_db
def test_an_empty_chain_is_whole(command: Command) -> None:
    assert "whole: 0 entries" in command("verify_audit").out


def test_a_whole_chain_shows_its_head(command: Command, register: Register) -> None:
    register()
    head = AuditEntry.objects.first().hash
    done = command("verify_audit")
    assert done.code == 0
    assert head in done.out
    assert command("verify_audit", "--json").json["head"] == head


def test_a_chain_that_was_tampered_with_names_its_first_broken_entry(
    command: Command, register: Register
) -> None:
    register("one")
    register("two")
    with triggers.lifted(connection):
        AuditEntry.objects.filter(seq=1).update(actor="nobody")
    done = command("verify_audit", "--json")
    assert done.code == 1
    assert done.json["ok"] is False
    assert done.json["first_broken"] == 1
    assert "broken at entry 1: entry 1 was changed" in done.err


@pytest.fixture
def old_runs(register: Register, working: Worker, command: Command) -> None:
    register()
    for _ in range(3):
        command("run_plugin", "counter", "count")
    Run.objects.update(finished_at=timezone.now() - timedelta(days=10))


def test_a_dry_run_forgets_nothing(command: Command, old_runs: None) -> None:
    done = command("prune_runs", "--older-than", "5", "--dry-run")
    assert done.out.startswith("Would forget 3 runs with ")
    assert Run.objects.count() == 3


def test_old_runs_are_forgotten_but_the_newest(command: Command, old_runs: None) -> None:
    done = command("prune_runs", "--older-than", "5", "--keep-last", "1", "--plugin", "counter")
    assert done.out.startswith("Forgot 2 runs with ")
    assert Run.objects.count() == 1
    assert command("verify_audit").code == 0


@pytest.mark.django_db
def test_what_makes_no_sense_is_refused(command: Command) -> None:
    assert "must be a whole number" in command("prune_runs", "--older-than", "-1").err
    assert "no plugin named 'x'" in command("prune_runs", "--older-than", "1", "--plugin", "x").err
