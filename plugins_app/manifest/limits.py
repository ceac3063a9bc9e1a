"""What a limit may be, whoever sets it. The same bounds as the settings hold operators to."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Range:
    """Whole numbers from `minimum` to `maximum`, both included."""

    minimum: int
    maximum: int

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.minimum <= value <= self.maximum

    def __str__(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"


LIMIT_RANGES: Final[Mapping[str, Range]] = MappingProxyType(
    {
        "timeout_seconds": Range(minimum=1, maximum=24 * 3600),
        "memory_mb": Range(minimum=64, maximum=1 << 20),
        "max_concurrent_runs": Range(minimum=1, maximum=1000),
    }
)
REUSE: Final = Range(minimum=1, maximum=1_000_000)
