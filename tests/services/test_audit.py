"""The chain holds, and tells where it was tampered with."""

import threading

import pytest
from django.db import connection, transaction

from plugins_app import triggers
from plugins_app.actors import Actor
from plugins_app.models import AuditEntry
from plugins_app.services import audit

ANN = Actor(name="ann")


def write(count: int) -> None:
    for number in range(count):
        with transaction.atomic():
            audit.record(
                actor=ANN, action="act", object=f"thing:{number}", after={"π": [1.5, None, "é"]}
            )


def test_an_untouched_chain_verifies_and_names_its_head(transactional_db: None) -> None:
    write(5)
    found = audit.verify()
    assert (found.ok, found.entries, found.first_broken) == (True, 5, None)
    assert found.head == AuditEntry.objects.get(seq=5).hash


def test_an_empty_chain_verifies(db: None) -> None:
    assert audit.verify().ok


@pytest.mark.parametrize(
    ("statement", "first_broken"),
    [
        ("UPDATE plugins_app_auditentry SET actor = 'eve' WHERE seq = 3", 3),
        ("UPDATE plugins_app_auditentry SET reason = 'none' WHERE seq = 1", 1),
        ("UPDATE plugins_app_auditentry SET hash = previous_hash WHERE seq = 2", 2),
        ("DELETE FROM plugins_app_auditentry WHERE seq = 4", 5),
        ("DELETE FROM plugins_app_auditentry WHERE seq = 1", 2),
    ],
)
def test_tampering_is_found_at_the_first_entry_that_does_not_fit(
    transactional_db: None, statement: str, first_broken: int
) -> None:
    write(5)
    with triggers.lifted(connection):
        connection.cursor().execute(statement)
    found = audit.verify()
    assert (found.ok, found.first_broken) == (False, first_broken)
    assert found.problem


def test_an_entry_goes_with_its_act(transactional_db: None) -> None:
    def act_and_fail() -> None:
        with transaction.atomic():
            audit.record(actor=ANN, action="act", object="thing")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act_and_fail()
    assert not AuditEntry.objects.exists()
    with pytest.raises(transaction.TransactionManagementError):
        audit.record(actor=ANN, action="act", object="thing")


def test_writers_at_once_make_one_chain(transactional_db: None) -> None:
    def work() -> None:
        write(10)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (audit.verify().ok, audit.verify().entries) == (True, 40)
