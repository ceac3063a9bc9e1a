"""Text for terminals: aligned, and harmless whatever a plugin has put into it."""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines with aligned columns; the last column may be as long as it likes."""
    cells = [[plain(cell, keep_lines=False) for cell in row] for row in (headers, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def plain(text: str, *, keep_lines: bool = True) -> str:
    """TEXT without what a terminal would obey: escape sequences, bells, cursor moves."""
    kept = "\n\t" if keep_lines else ""
    return "".join(c if c in kept or _is_printed(c) else _stand_in(c) for c in text)


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def size(value: float) -> str:
    """Bytes in the largest unit that keeps the number above one."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def _is_printed(letter: str) -> bool:
    return not unicodedata.category(letter).startswith("C")


def _stand_in(letter: str) -> str:
    return " " if letter in "\n\t" else letter.encode("unicode_escape").decode("ascii")
