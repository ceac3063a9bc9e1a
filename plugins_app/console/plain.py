"""Text that a plugin wrote, made fit to be looked at: nothing in it acts, hides or reorders."""

import json
import re
from typing import Any, Final

MOST_SHOWN: Final = 20_000
ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
REORDERING: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: object, *, most: int = MOST_SHOWN) -> str:
    """Return TEXT without terminal colours, with control and direction marks made visible.

    Still to be escaped for HTML like any other text.
    """
    words = str(text).replace("\r\n", "\n")
    cut = words[:most]
    cut = CONTROL.sub(_picture, ANSI.sub("", cut))
    cut = REORDERING.sub(lambda mark: f"[U+{ord(mark[0]):04X}]", cut)
    left = len(words) - most
    return f"{cut}\n… {left:,} more characters" if left > 0 else cut


def pretty(value: Any) -> str:
    """Return VALUE as JSON for reading."""
    return plain(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return "␡" if code == 0x7F else chr(0x2400 + code)
