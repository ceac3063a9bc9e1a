"""Which limits are in force for a plugin, and who set them: operator > manifest > global default."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, Protocol

from django.conf import settings

Source = Literal["operator", "manifest", "global"]

DEFAULT_CONCURRENT_RUNS: Final = 4


class HasLimits(Protocol):
    """A plugin's record or snapshot: None where the operator set nothing."""

    timeout_seconds: int | None
    memory_mb: int | None
    max_concurrent_runs: int | None
    manifest: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Limit:
    value: int
    source: Source


@dataclass(frozen=True, kw_only=True)
class EffectiveLimits:
    timeout_seconds: Limit
    memory_mb: Limit
    max_concurrent_runs: Limit

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, frozen: dict[str, Any]) -> "EffectiveLimits":
        """Return the limits that `to_json` wrote into a run's record."""
        return cls(**{field.name: Limit(**frozen[field.name]) for field in fields(cls)})


def effective_limits(plugin: HasLimits) -> EffectiveLimits:
    manifest = plugin.manifest.get("limits", {})
    defaults = {
        "timeout_seconds": settings.RUN_TIMEOUT_SECONDS,
        "memory_mb": settings.RUN_MEMORY_MB,
        "max_concurrent_runs": DEFAULT_CONCURRENT_RUNS,
    }
    return EffectiveLimits(
        **{
            name: _limit(getattr(plugin, name), manifest.get(name), default)
            for name, default in defaults.items()
        }
    )


def _limit(override: int | None, declared: int | None, default: int) -> Limit:
    if override is not None:
        return Limit(value=override, source="operator")
    if declared is not None:
        return Limit(value=declared, source="manifest")
    return Limit(value=default, source="global")
