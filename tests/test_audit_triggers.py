"""Nobody edits the audit, not even with SQL."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from plugins_app.models import AuditEntry

STATEMENTS = (
    "UPDATE plugins_app_auditentry SET actor = 'nobody'",
    "DELETE FROM plugins_app_auditentry",
)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_database_refuses_to_change_an_entry(statement: str) -> None:
    AuditEntry.objects.create(
        seq=1, at=timezone.now(), actor="ann", action="a", object="o", previous_hash="", hash="h"
    )
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert AuditEntry.objects.get().actor == "ann"


@pytest.mark.django_db(transaction=True)
def test_a_test_can_still_empty_the_table() -> None:
    AuditEntry.objects.create(
        seq=1, at=timezone.now(), actor="ann", action="a", object="o", previous_hash="", hash="h"
    )
