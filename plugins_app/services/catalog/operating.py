"""What people do to a plugin: restart, reload, configure. Each with its audit entry."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from plugins_app.actors import Actor
from plugins_app.errors import Fault, InvalidInput, ManifestError, NotFound
from plugins_app.lifecycle import Action, next_state
from plugins_app.manifest import LIMIT_RANGES, Manifest
from plugins_app.models import Plugin
from plugins_app.services import audit, queue, runs, transitions
from plugins_app.services.catalog.reading import load_request, no_load_request, read


def restart_plugin(*, name: str, actor: Actor, reason: str) -> Plugin:
    """Take a FAILED or UNAVAILABLE plugin back to LOADED, and have it loaded.

    Raises NotFound, InvalidInput for a missing reason, IllegalTransition, or StaleState when
    someone else was faster.
    """
    return _load_anew(name, Action.RESTART, "plugin.restarted", actor, reason)


def reload_plugin(*, name: str, actor: Actor, reason: str) -> Plugin:
    """Have an INITIALIZED plugin loaded again, for new code or config. Raises as `restart_plugin`."""
    return _load_anew(name, Action.RELOAD, "plugin.reloaded", actor, reason)


def configure_plugin(*, name: str, actor: Actor, changes: Mapping[str, Any]) -> Plugin:
    """Change `enabled`, limits or `config`; None takes a limit, or all of config, back to default.

    Raises NotFound, or InvalidInput with a fault per place; then nothing has changed.
    """
    with transaction.atomic():
        plugin = Plugin.objects.select_for_update(no_key=True).filter(name=name).first()
        if plugin is None:
            raise _not_found(name)
        fields = _checked(plugin, changes)
        before = {field: getattr(plugin, field) for field in fields}
        changed = {field: value for field, value in fields.items() if value != before[field]}
        if not changed:
            return plugin
        transitions.touch(plugin=plugin, **changed)
        if changed.get("enabled") is False:
            runs.end_all_queued(plugin=plugin, reason=f"its plugin was disabled by {actor.name}")
        audit.record(
            actor=actor,
            action="plugin.configured",
            object=f"plugin:{name}",
            before=_shown(plugin, {field: before[field] for field in changed}),
            after=_shown(plugin, changed),
        )
    return plugin


def _load_anew(name: str, action: Action, word: str, actor: Actor, reason: str) -> Plugin:
    reason = _checked_reason(reason)
    # Read outside the transaction: of two who saw the same state, one wins and one is told so.
    plugin = Plugin.objects.filter(name=name).first()
    if plugin is None:
        raise _not_found(name)
    next_state(plugin.state, action)
    fields, fault = _read_again(plugin)
    with transaction.atomic():
        before = {"state": plugin.state, "reason": plugin.reason}
        transitions.apply(
            plugin=plugin,
            action=action,
            actor=actor,
            code=word.rpartition(".")[2],
            reason=reason,
            changes=fields | load_request(),
        )
        audit.record(
            actor=actor,
            action=word,
            object=f"plugin:{name}",
            before=before,
            after={"state": plugin.state},
            reason=reason,
        )
        if fault:
            _fail_unreadable(plugin, actor, fault)
        else:
            queue.enqueue_load(plugin=plugin)
    return plugin


def _read_again(plugin: Plugin) -> tuple[dict[str, Any], str]:
    """Return the fields that the plugin's folder gives now, and why it cannot be used, if so."""
    try:
        reading = read(Path(plugin.folder))
    except (ManifestError, OSError) as error:
        return {}, f"{error}. Mend {plugin.folder}, then restart the plugin"
    if reading.name != plugin.name:
        return {}, (
            f"{plugin.folder} now holds a plugin named {reading.name!r}. Give it back the name "
            f"{plugin.name!r}, or scan for it under its new name"
        )
    return reading.fields, reading.fault


def _fail_unreadable(plugin: Plugin, actor: Actor, fault: str) -> None:
    transitions.apply(
        plugin=plugin,
        action=Action.FAIL,
        actor=actor,
        code="bad_manifest",
        reason=fault,
        changes=no_load_request(),
    )


def _checked(plugin: Plugin, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return CHANGES as the record's fields, or raise InvalidInput naming every fault."""
    fields: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in changes.items():
        check = CHECKS.get(name)
        if check is None:
            known = ", ".join(CHECKS)
            faults.append(Fault(pointer=f"/{name}", message=f"cannot be changed; {known} can"))
            continue
        fields[name], found = check(plugin, name, value)
        faults += found
    if faults:
        raise InvalidInput("The plugin was not changed.", faults=faults)
    return fields


def _checked_enabled(_plugin: Plugin, name: str, value: Any) -> tuple[Any, list[Fault]]:
    if isinstance(value, bool):
        return value, []
    return value, [Fault(pointer=f"/{name}", message="must be true or false")]


def _checked_limit(_plugin: Plugin, name: str, value: Any) -> tuple[Any, list[Fault]]:
    allowed = LIMIT_RANGES[name]
    if value is None or value in allowed:
        return value, []
    message = f"must be {allowed}, or null for the default"
    return value, [Fault(pointer=f"/{name}", message=message)]


def _checked_config(plugin: Plugin, name: str, value: Any) -> tuple[Any, list[Fault]]:
    """Return the settings that stay overridden: those left out stay, null goes back to default."""
    if value is None:
        return {}, []
    if not isinstance(value, Mapping):
        return value, [Fault(pointer=f"/{name}", message="must be an object, or null")]
    if not plugin.manifest:
        message = "cannot be checked while the plugin's manifest is broken: correct plugin.toml"
        return value, [Fault(pointer=f"/{name}", message=message)]
    manifest = Manifest.from_json(plugin.manifest)
    # Whoever sends back what they read has read no secret, only that there is one: it stays.
    shown = manifest.masked_config(plugin.config)
    unread = {field.name for field in manifest.config if field.secret and shown[field.name]}
    changed = {k: v for k, v in value.items() if k not in unread or v != shown[k]}
    given = {key: entry for key, entry in changed.items() if entry is not None}
    kept = {key: entry for key, entry in plugin.config.items() if key not in changed}
    return kept | given, list(manifest.config_faults(given))


CHECKS: Final[Mapping[str, Callable[[Plugin, str, Any], tuple[Any, list[Fault]]]]] = {
    "enabled": _checked_enabled,
    **dict.fromkeys(LIMIT_RANGES, _checked_limit),
    "config": _checked_config,
}


def _shown(plugin: Plugin, fields: dict[str, Any]) -> dict[str, Any]:
    """Return FIELDS as they may stand in the audit: without secrets."""
    if "config" not in fields or not plugin.manifest:
        return fields
    manifest = Manifest.from_json(plugin.manifest)
    return fields | {"config": manifest.masked_config(fields["config"])}


def _checked_reason(reason: Any) -> str:
    if isinstance(reason, str) and reason.strip():
        return reason.strip()
    message = "is required: say why, for those who read the history"
    raise InvalidInput(
        "A reason is required.", faults=[Fault(pointer="/reason", message=message, code="required")]
    )


def _not_found(name: str) -> NotFound:
    return NotFound(f"There is no plugin named {name!r}.")
