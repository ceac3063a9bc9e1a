"""How much fits into one answer. A plugin decides how large its events and results are; a page of the
largest would be gigabytes in the web process's memory."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, Final

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce, Length

MOST_CHARACTERS: Final = 16 << 20


def fitting(queryset: QuerySet[Any], fields: Sequence[str], *, limit: int) -> int:
    """Return how many of the first LIMIT rows fit, by the length of FIELDS; one always does."""
    lengths = [Coalesce(Length(Cast(field, TextField())), Value(0)) for field in fields]
    weighed = queryset.annotate(weight=reduce(add, lengths)).values_list("weight", flat=True)
    total = 0
    for count, weight in enumerate(weighed[:limit]):
        total += weight
        if count and total > MOST_CHARACTERS:
            return count
    return limit
