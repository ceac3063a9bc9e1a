"""What one plugin's page shows, tab by tab."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from plugins_app.console import charts, tool_form
from plugins_app.lifecycle import State
from plugins_app.limits import effective_limits
from plugins_app.manifest import LIMIT_RANGES, Manifest
from plugins_app.models import Plugin, Run
from plugins_app.services import statistics

TABS: Final = {
    "overview": "Overview",
    "tools": "Tools",
    "limits": "Limits",
    "config": "Config",
    "transitions": "Transitions",
    "runs": "Runs",
    "manifest": "Manifest",
}
LIMIT_WORDS: Final = {
    "timeout_seconds": ("Time for a run", "seconds"),
    "memory_mb": ("Memory of a run", "MB"),
    "max_concurrent_runs": ("Runs at once", "runs"),
}
MOST_ROWS: Final = 30


def context_of(request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
    """Return the chosen tab, and what it shows."""
    tab = request.GET.get("tab", "overview")
    tab = tab if tab in TABS else "overview"
    shown = PARTS[tab](request, plugin) if tab in PARTS else {}
    return {"plugin": plugin, "tab": tab, "tabs": TABS, **shown}


def _overview(_request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
    return {
        "states": [(state, state == plugin.state) for state in State],
        "recent": charts.sparkline(statistics.recent_by_plugin(plugins=[plugin.pk]).get(plugin.pk)),
        "limits": _limit_rows(plugin),
        "last_transitions": plugin.transitions.all()[:5],
    }


def _tools(request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
    earlier = _earlier(request, plugin)
    return {
        "tools": [
            (tool, tool_form.fields_of(tool, earlier.input if _is_of(earlier, tool) else {}))
            for tool in plugin.tools
        ],
        "earlier": earlier,
    }


def _earlier(request: HttpRequest, plugin: Plugin) -> Run | None:
    """The run to start from, for "run again with changes"."""
    try:
        asked = UUID(request.GET.get("from", ""))
    except ValueError:
        return None
    return plugin.runs.filter(pk=asked).first()


def _is_of(run: Run | None, tool: dict[str, Any]) -> bool:
    return run is not None and run.tool == tool["name"]


def _limits(_request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
    return {"limits": _limit_rows(plugin)}


def _limit_rows(plugin: Plugin) -> list[dict[str, Any]]:
    effective = effective_limits(plugin)
    return [
        {
            "name": name,
            "title": title,
            "unit": unit,
            "limit": getattr(effective, name),
            "override": getattr(plugin, name),
            "range": str(LIMIT_RANGES[name]),
        }
        for name, (title, unit) in LIMIT_WORDS.items()
    ]


def _config(_request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
    if not plugin.manifest:
        return {"settings": []}
    manifest = Manifest.from_json(plugin.manifest)
    shown = manifest.masked_config(plugin.config)
    return {
        "settings": [
            {
                "field": field,
                "is_set": field.name in plugin.config,
                "shown": shown.get(field.name),
            }
            for field in manifest.config
        ]
    }


def _transitions(_request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
    return {"transitions": plugin.transitions.all()[:MOST_ROWS]}


def _runs(_request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
    base = reverse("admin:plugins_app_run_changelist")
    return {
        "runs": plugin.runs.brief().defer("result", "input", "log_tail")[:MOST_ROWS],
        "all_runs": f"{base}?{urlencode({'plugin__id__exact': plugin.pk})}",
    }


PARTS: Final[Mapping[str, Callable[[HttpRequest, Plugin], dict[str, Any]]]] = {
    "overview": _overview,
    "tools": _tools,
    "limits": _limits,
    "config": _config,
    "transitions": _transitions,
    "runs": _runs,
}
