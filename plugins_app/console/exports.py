"""Runs and audit entries, as CSV or JSON, streamed: however many there are, memory stays small."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

KINDS: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
RUN_FIELDS: Final = (
    "id",
    "plugin__name",
    "plugin_version",
    "tool",
    "status",
    "actor",
    "via",
    "queued_at",
    "started_at",
    "finished_at",
    "wall_seconds",
    "cpu_seconds",
    "peak_memory_bytes",
    "exit_code",
    "signal",
    "error_code",
    "error_message",
    "event_count",
)
CHUNK: Final = 1000
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What the csv module writes to: hands each line on."""

    def write(self, text: str) -> str:
        return text


def streamed(
    rows: QuerySet[Any], kind: str, *, fields: Sequence[str] = RUN_FIELDS, name: str = "runs"
) -> StreamingHttpResponse:
    found = rows.values_list(*fields).iterator(chunk_size=CHUNK)
    lines = _csv(found, fields) if kind == "csv" else _json(found, fields)
    response = StreamingHttpResponse(lines, content_type=KINDS[kind])
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


def _csv(rows: Iterable[Sequence[Any]], fields: Sequence[str]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(fields)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is kept a text."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _json(rows: Iterable[Sequence[Any]], fields: Sequence[str]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps(dict(zip(fields, row, strict=True)), default=str)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"
