"""The limits of one run. A value that makes no sense is refused where it is written."""

import math
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run may take. Raises ValueError naming the field that makes no sense.

    `timeout_seconds` is the wall clock of the tool call; starting the plugin (import, init,
    validate) has the same span of its own. Memory and processes count over the whole tree.
    """

    timeout_seconds: float = 60.0
    memory_bytes: int = 1 << 30
    scratch_bytes: int = 1 << 30
    processes: int = 256
    open_files: int = 1024
    output_bytes: int = 16 << 20
    frame_bytes: int = 8 << 20
    events: int = 1_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name))
        if self.memory_bytes < MIN_MEMORY_BYTES:
            raise ValueError(
                f"memory_bytes must be at least {MIN_MEMORY_BYTES:,} (64 MiB): "
                "an empty plugin takes half of that"
            )


MIN_MEMORY_BYTES = 64 << 20


def _check(name: str, value: Any) -> None:
    kind = (int, float) if name == "timeout_seconds" else (int,)
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ValueError(f"{name} must be a number, not {value!r}")  # noqa: TRY004
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be above zero, not {value!r}")
