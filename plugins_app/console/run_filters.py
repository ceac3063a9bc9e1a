"""What runs can be filtered by, beyond what the framework brings.

A run's id begins with the millisecond it was asked for, so the filters by time are ranges of ids.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter, RangeNumericListFilter, TextFilter

from plugins_app.console.periods import Period
from plugins_app.models import Run
from plugins_app.services.statistics import first_id

MEGABYTE: Final = 1 << 20
LEAST_OF_AN_ID: Final = 8
HEX_DIGITS: Final = 32
ID_BEGINS: Final = "01"  # from 2004 to 2039
FORMATS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


class InPeriod(TextFilter):
    title = "day, month or year"
    parameter_name = "on"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:  # noqa: ARG002
        period = Period.named(self.value() or "")
        if period is None:
            return queryset
        return queryset.filter(pk__gte=first_id(period.start), pk__lt=first_id(period.end))


class AskedBetween(RangeDateTimeFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:  # noqa: ARG002
        if start := self._moment("from"):
            queryset = queryset.filter(pk__gte=first_id(start))
        if end := self._moment("to"):
            queryset = queryset.filter(pk__lt=first_id(end))
        return queryset

    def _moment(self, end: str) -> datetime | None:
        """From the date and the time of day that were filled in; a date alone is enough."""
        parts = (self.used_parameters.get(f"{self.parameter_name}_{end}_{n}") for n in range(2))
        words = " ".join(part for part in parts if part)
        for form in FORMATS:
            with suppress(ValueError):
                return datetime.strptime(words, form).replace(tzinfo=UTC)
        return None


class PeakMemory(RangeNumericListFilter):
    title = "peak memory, MB"
    parameter_name = "peak_mb"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:  # noqa: ARG002
        for end, lookup in (("from", "gte"), ("to", "lte")):
            with suppress(KeyError, ValueError, OverflowError):
                most = int(float(self.used_parameters[f"peak_mb_{end}"]) * MEGABYTE)
                queryset = queryset.filter(**{f"peak_memory_bytes__{lookup}": most})
        return queryset


BY_TIME: Final = (InPeriod, AskedBetween)
TIME_PARAMETERS: Final = frozenset(
    {"on", *(f"queued_at_{end}_{n}" for end in ("from", "to") for n in range(2))}
)


def id_range(words: str) -> tuple[UUID, UUID] | None:
    """Return the first and last id that begin with WORDS; None if no run's id can."""
    digits = words.strip().replace("-", "").lower()
    is_hex = set(digits) <= set("0123456789abcdef") and digits.startswith(ID_BEGINS)
    if not is_hex or not LEAST_OF_AN_ID <= len(digits) <= HEX_DIGITS:
        return None
    return UUID(digits.ljust(HEX_DIGITS, "0")), UUID(digits.ljust(HEX_DIGITS, "f"))
