"""Loading on a worker: LOADED to INITIALIZED, UNAVAILABLE or FAILED, by what the sandbox reports."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

import sandbox
from plugins_app.actors import PLATFORM
from plugins_app.lifecycle import Action, State
from plugins_app.limits import effective_limits
from plugins_app.models import Plugin
from plugins_app.services import queue, runs, sandboxing, transitions
from plugins_app.services.catalog.reading import load_request, no_load_request
from plugins_app.services.insistence import insist

logger = logging.getLogger(__name__)

MOST_ATTEMPTS: Final = 3
CANCELLED: Final = "cancelled"


def load_plugin(
    *, name: str, worker_id: UUID, should_stop: Callable[[], str | None] = lambda: None
) -> None:
    """Load the plugin if it waits for that; return at once when it does not or another has it.

    SHOULD_STOP is asked about ten times a second: a reason ends the load, and another worker does it
    from the start.
    """
    plugin = _claim(name, worker_id)
    if plugin is None:
        return
    try:
        report = sandbox.load(
            sandboxing.source_of(plugin),
            limits=sandboxing.limits_of(effective_limits(plugin)),
            label=label_of(plugin.name),
            cancelled=should_stop,
        )
    except Exception as error:
        logger.exception("loading %s failed on our side", name, extra={"action": "sandbox_error"})
        lose_load(name=name, worker_id=worker_id, reason=f"The sandbox failed: {error}")
        return
    if report.problem is not None and report.problem.code == CANCELLED:
        insist(lambda: _give_back(plugin, worker_id))
    else:
        insist(lambda: _settle(plugin, worker_id, report))


def lose_load(*, name: str, worker_id: UUID, reason: str) -> None:
    """Have a load that came to nothing done again; after three times the plugin is FAILED."""
    with transaction.atomic():
        plugin = _held(name, worker_id)
        if plugin is None:
            return
        if plugin.load_attempts < MOST_ATTEMPTS:
            _ask_again(plugin, attempts=plugin.load_attempts)
            return
        words = (
            f"{reason} It was tried {MOST_ATTEMPTS} times. Look at the workers' log, then restart"
        )
        _leave_service(plugin, Action.FAIL, "load_lost", words, no_load_request())


def reload_upgraded(*, plugin: Plugin) -> None:
    """Load new code that came while PLUGIN was RUNNING. Only inside the transaction that rests it."""
    transitions.apply(
        plugin=plugin,
        action=Action.RELOAD,
        actor=PLATFORM,
        code="upgraded",
        reason=f"New code came while it was running: version {plugin.version}.",
        changes=load_request(),
    )
    queue.enqueue_load(plugin=plugin)


def request_waiting_loads() -> int:
    """Ask again for loads whose task may be lost; return how many. One too many is a no-op."""
    waiting = list(Plugin.objects.waiting_to_load().filter(loading_worker=None))
    asked = [
        plugin for plugin in waiting if not queue.has_waiting(queue.load_queue(plugin.manifest))
    ]
    for plugin in asked:
        queue.enqueue_load(plugin=plugin)
    return len(asked)


def label_of(name: str) -> str:
    """Return what marks the processes of a load of the plugin NAME."""
    return f"load-{name}"


def _claim(name: str, worker_id: UUID) -> Plugin | None:
    waiting = Plugin.objects.waiting_to_load().filter(name=name, loading_worker=None)
    if not waiting.update(loading_worker=worker_id, load_attempts=F("load_attempts") + 1):
        return None
    return Plugin.objects.get(name=name)


def _held(name: str, worker_id: UUID) -> Plugin | None:
    loading = Plugin.objects.select_for_update(no_key=True).filter(
        state=State.LOADED, loading_worker=worker_id
    )
    return loading.filter(name=name).first()


def _give_back(loading: Plugin, worker_id: UUID) -> None:
    """Have a load that was cut short done by another worker; it says nothing about the plugin."""
    with transaction.atomic():
        plugin = _held(loading.name, worker_id)
        if plugin is not None:
            _ask_again(plugin, attempts=plugin.load_attempts - 1)


def _ask_again(plugin: Plugin, *, attempts: int) -> None:
    """Have PLUGIN loaded once more, ATTEMPTS of its tries being used up."""
    transitions.touch(plugin=plugin, **load_request() | {"load_attempts": attempts})
    queue.enqueue_load(plugin=plugin)


def _settle(loaded: Plugin, worker_id: UUID, report: sandbox.LoadReport) -> None:
    with transaction.atomic():
        plugin = _held(loaded.name, worker_id)
        if plugin is None or plugin.digest != loaded.digest:
            return  # newer code was registered meanwhile, and asked for a load of its own
        changes = no_load_request()
        if report.tools or report.problem is None:
            changes["tools"] = [_tool_json(tool) for tool in report.tools]
        if report.unavailable:
            _mark_unavailable(plugin, report, changes)
        elif report.problem is not None:
            problem = report.problem
            changes["traceback"] = problem.traceback
            _leave_service(plugin, Action.FAIL, problem.code, problem.message, changes)
        else:
            _open_service(plugin, changes)


def _open_service(plugin: Plugin, changes: dict[str, Any]) -> None:
    transitions.apply(
        plugin=plugin,
        action=Action.INITIALIZE,
        actor=PLATFORM,
        code="initialized",
        reason="init() and validate() returned.",
        changes=changes,
    )
    runs.wake_queued(plugin=plugin)


def _mark_unavailable(plugin: Plugin, report: sandbox.LoadReport, changes: dict[str, Any]) -> None:
    reason = " ".join(f"{problem.message}." for problem in report.unavailable)
    code = report.unavailable[0].code
    _leave_service(plugin, Action.MARK_UNAVAILABLE, code, reason, changes)


def _leave_service(
    plugin: Plugin, action: Action, code: str, reason: str, changes: dict[str, Any]
) -> None:
    transitions.apply(
        plugin=plugin, action=action, actor=PLATFORM, code=code, reason=reason, changes=changes
    )
    runs.end_all_queued(plugin=plugin, reason=f"its plugin left service: {reason}")


def _tool_json(tool: sandbox.ToolSpec) -> dict[str, Any]:
    return asdict(tool) | {"file_fields": list(tool.file_fields)}
