"""Pages by position: each carries the addresses of its neighbours, and no row is counted twice.

A cursor says "before" or "after" a key. Rows go from the newest to the oldest.
"""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from plugins_app.api.fields import positive, uuid_text
from plugins_app.api.weighing import fitting
from plugins_app.errors import Fault, InvalidInput

PAGE: Final = 50
LARGEST_PAGE: Final = 500
OLDER: Final = "older"
NEWER: Final = "newer"


class KeysetPagination(BasePagination):
    """`?limit=` rows from `?cursor=` on; a subclass says by what key and how to read one."""

    key: str
    read_key: Callable[[Any], Any]
    heavy: ClassVar[tuple[str, ...]] = ()
    """Fields that may be so large that fewer rows than asked for make a page."""

    def paginate_queryset(
        self,
        queryset: QuerySet[Any],
        request: Request,
        view: Any = None,  # noqa: ARG002 - the framework's signature
    ) -> list[Any]:
        self._request = request
        limit = min(positive(request, "limit", default=PAGE), LARGEST_PAGE)
        direction, position = self._cursor(request)
        ordered = self._ordered(queryset, direction, position)
        if self.heavy:
            limit = fitting(ordered, self.heavy, limit=limit)
        rows = list(ordered[: limit + 1])
        has_more = len(rows) > limit
        rows = rows[:limit]
        if direction == NEWER:
            rows.reverse()
        self._has_older = has_more if direction == OLDER else True
        self._has_newer = has_more if direction == NEWER else position is not None
        self._rows = rows
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        first, last = (self._rows[0], self._rows[-1]) if self._rows else (None, None)
        return Response(
            {
                "next": self._link(OLDER, last) if self._has_older else None,
                "previous": self._link(NEWER, first) if self._has_newer else None,
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "nullable": True, "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        cursor = {"name": "cursor", "description": "From a `next` or `previous` address."}
        limit = {"name": "limit", "description": f"Rows of a page, at most {LARGEST_PAGE}."}
        return [
            {**cursor, "in": "query", "required": False, "schema": {"type": "string"}},
            {**limit, "in": "query", "required": False, "schema": {"type": "integer"}},
        ]

    def _ordered(self, queryset: QuerySet[Any], direction: str, position: Any) -> QuerySet[Any]:
        lookup, order = ("lt", f"-{self.key}") if direction == OLDER else ("gt", self.key)
        if position is not None:
            queryset = queryset.filter(**{f"{self.key}__{lookup}": position})
        return queryset.order_by(order)

    def _cursor(self, request: Request) -> tuple[str, Any]:
        text = request.query_params.get("cursor", "")
        if not text:
            return OLDER, None
        try:
            direction, position = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
            if direction not in (OLDER, NEWER):
                raise ValueError(direction)
            return direction, type(self).read_key(position)
        except (ValueError, TypeError, binascii.Error, RecursionError):
            raise _bad_cursor() from None

    def _link(self, direction: str, row: Any) -> str | None:
        if row is None:
            return None
        position = getattr(row, self.key)
        position = position if isinstance(position, int) else str(position)
        cursor = base64.urlsafe_b64encode(json.dumps([direction, position]).encode()).decode()
        return replace_query_param(self._request.build_absolute_uri(), "cursor", cursor)


class BySeq(KeysetPagination):
    key = "seq"

    @staticmethod
    def read_key(value: Any) -> int:
        if not isinstance(value, int) or not 0 <= value < 2**63:
            raise ValueError(value)
        return value


class RunsById(KeysetPagination):
    """By UUIDv7, which sorts by time."""

    key = "pk"
    read_key = staticmethod(uuid_text)
    heavy = ("input", "result", "error_traceback")


def _bad_cursor() -> InvalidInput:
    message = "is not one that this platform gave: start again without it"
    return InvalidInput(
        f"The cursor {message}.",
        faults=[Fault(pointer="/cursor", message=message, code="invalid_cursor")],
    )
