"""A plugin as it was at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from plugins_app.lifecycle import State, why_no_runs
from plugins_app.limits import EffectiveLimits, effective_limits
from plugins_app.models import Plugin


@dataclass(frozen=True, kw_only=True)
class PluginSnapshot:
    """The record's fields, never to change: readers share it, so its dicts are for reading only.

    `config` holds the operator's overrides, secrets included: faces show the manifest's masked form.
    """

    id: int
    name: str
    version: str
    description: str
    folder: str
    digest: str
    manifest: dict[str, Any]
    tools: tuple[dict[str, Any], ...]

    state: State
    code: str
    reason: str
    traceback: str
    since: datetime
    in_service_since: datetime | None
    enabled: bool
    registered_at: datetime

    timeout_seconds: int | None
    memory_mb: int | None
    max_concurrent_runs: int | None
    config: dict[str, Any]

    success_count: int
    error_count: int
    last_used_at: datetime | None
    recent_milliseconds: tuple[int, ...]
    generation: int

    @classmethod
    def of(cls, plugin: Plugin) -> "PluginSnapshot":
        record = {field.name: getattr(plugin, field.name) for field in fields(cls)}
        return cls(
            **record
            | {
                "state": State(plugin.state),
                "tools": tuple(plugin.tools),
                "recent_milliseconds": tuple(plugin.recent_milliseconds),
            }
        )

    @property
    def accepts_runs(self) -> bool:
        return not self.refusal

    @property
    def refusal(self) -> str:
        """Why a run would be refused; "" when it would be accepted."""
        return why_no_runs(
            name=self.name,
            state=self.state,
            enabled=self.enabled,
            reason=self.reason,
            has_tools=bool(self.tools),
        )

    @property
    def limits(self) -> EffectiveLimits:
        return effective_limits(self)

    def tool(self, name: str) -> Mapping[str, Any] | None:
        return next((tool for tool in self.tools if tool["name"] == name), None)
