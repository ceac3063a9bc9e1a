"""Pages whose price does not grow with the table."""

from functools import cached_property
from typing import Final

from django.core.paginator import Paginator

MOST_COUNTED: Final = 10_000


class CappedPaginator(Paginator):
    """Counts no further than MOST_COUNTED: beyond that people filter, they do not leaf."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list.order_by()[:MOST_COUNTED].count())
