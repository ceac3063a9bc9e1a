"""What lists can be asked for. A value that cannot be is a 400 with its place."""

import re
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from plugins_app.lifecycle import RunStatus
from plugins_app.models import AuditEntry, Run

YEARS: Final = range(1970, 9999)
LOST_PLUS: Final = re.compile(r"(T\S+) (\d\d:?\d\d)$")


def _check_year(moment: datetime) -> None:
    # Near the ends of the calendar a change of time zone has no answer.
    if moment.year not in YEARS:
        raise ValidationError(f"must be a time after {YEARS.start}", code="invalid")


class MomentField(django_filters.fields.IsoDateTimeField):
    """An ISO 8601 time, also one whose `+` was not encoded and so arrived as a blank."""

    def to_python(self, value: Any) -> datetime | None:
        return super().to_python(LOST_PLUS.sub(r"\1+\2", value) if value else value)


class MomentFilter(django_filters.IsoDateTimeFilter):
    field_class = MomentField


class WordsField(django_filters.fields.MultipleChoiceField):
    """The parameter may be repeated, hold several words with commas between, or be empty."""

    def to_python(self, value: Any) -> list[str]:
        return [word for part in super().to_python(value) for word in part.split(",") if word]


class WordsFilter(django_filters.MultipleChoiceFilter):
    field_class = WordsField


def _moment(field: str, lookup: str) -> MomentFilter:
    return MomentFilter(field_name=field, lookup_expr=lookup, validators=[_check_year])


class RunFilter(django_filters.FilterSet):
    plugin = django_filters.CharFilter(field_name="plugin__name")
    tool = django_filters.CharFilter()
    status = WordsFilter(choices=[(s.value, s.value) for s in RunStatus])
    actor = django_filters.CharFilter()
    since = _moment("queued_at", "gte")
    until = _moment("queued_at", "lt")
    search = django_filters.CharFilter(method="matching", max_length=200)

    class Meta:
        model = Run
        fields: tuple[str, ...] = ()

    def matching(self, runs: QuerySet[Run], _name: str, words: str) -> QuerySet[Run]:
        """Part of a tool, plugin, actor or error message, or a run's whole id."""
        found = (
            Q(tool__icontains=words)
            | Q(plugin__name__icontains=words)
            | Q(actor__icontains=words)
            | Q(error_message__icontains=words)
        )
        with suppress(ValueError):
            found |= Q(pk=UUID(words))
        return runs.filter(found)


class AuditFilter(django_filters.FilterSet):
    actor = django_filters.CharFilter()
    action = django_filters.CharFilter()
    object = django_filters.CharFilter()
    since = _moment("at", "gte")
    until = _moment("at", "lt")

    class Meta:
        model = AuditEntry
        fields: tuple[str, ...] = ()
