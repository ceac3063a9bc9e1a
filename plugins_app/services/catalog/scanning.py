"""Finding plugins on disk and bringing their records up to date; one bad plugin stops no other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.db import transaction

from plugins_app.actors import Actor
from plugins_app.errors import BulkheadError, ManifestError, NameTaken
from plugins_app.lifecycle import Action, State
from plugins_app.manifest import FILE_NAME
from plugins_app.models import Plugin
from plugins_app.services import audit, queue, runs, transitions
from plugins_app.services.catalog.reading import (
    UNKNOWN_VERSION,
    Reading,
    load_request,
    no_load_request,
    read,
)

Outcome = Literal["registered", "upgraded", "unchanged", "refused"]


@dataclass(frozen=True, kw_only=True)
class ScanEntry:
    """What became of one folder, or of one plugin whose folder is gone."""

    folder: Path
    name: str | None
    outcome: Outcome
    message: str = ""


def scan(*, folders: Sequence[Path], actor: Actor) -> tuple[ScanEntry, ...]:
    """Register or upgrade every plugin in FOLDERS: each a plugin itself, or a folder of plugins.

    Plugins that are FAILED or UNAVAILABLE are brought up to date and stay so.
    """
    entries = [_scan_one(folder, actor) for folder in _plugin_folders(folders)]
    return (*entries, *_missing(folders, actor))


def _plugin_folders(folders: Sequence[Path]) -> Iterator[Path]:
    seen = set()
    for folder in map(Path.resolve, folders):
        inside = [folder] if (folder / FILE_NAME).exists() else sorted(folder.iterdir())
        for path in inside:
            if (path / FILE_NAME).exists() and path not in seen:
                seen.add(path)
                yield path


def _scan_one(folder: Path, actor: Actor) -> ScanEntry:
    name = None
    try:
        reading = read(folder)
        name = reading.name
        with transaction.atomic():
            return _register_or_upgrade(folder, reading, actor)
    except ManifestError as error:
        return ScanEntry(folder=folder, name=error.name, outcome="refused", message=error.message)
    except (BulkheadError, OSError) as error:
        return ScanEntry(folder=folder, name=name, outcome="refused", message=str(error))


def _register_or_upgrade(folder: Path, reading: Reading, actor: Actor) -> ScanEntry:
    plugin = Plugin.objects.select_for_update(no_key=True).filter(name=reading.name).first()
    if plugin is None:
        return _register(folder, reading, actor)
    if plugin.folder != str(folder) and (Path(plugin.folder) / FILE_NAME).exists():
        raise NameTaken(
            f"The name {reading.name!r} is taken by the plugin in {plugin.folder}, which was "
            f"registered first. Give the one in {folder} another name in its plugin.toml"
        )
    if (plugin.digest, plugin.folder) == (reading.fields["digest"], str(folder)):
        return ScanEntry(folder=folder, name=plugin.name, outcome="unchanged")
    return _upgrade(plugin, folder, reading, actor)


def _register(folder: Path, reading: Reading, actor: Actor) -> ScanEntry:
    fields = {"version": UNKNOWN_VERSION} | reading.fields
    plugin = Plugin(name=reading.name, **fields, **load_request())
    transitions.register(plugin=plugin, actor=actor)
    _record(plugin, "plugin.registered", actor, before=None)
    if reading.fault:
        _fail_unreadable(plugin, reading, actor)
    else:
        queue.enqueue_load(plugin=plugin)
    return ScanEntry(
        folder=folder,
        name=plugin.name,
        outcome="registered",
        message=reading.fault or _version(plugin),
    )


def _upgrade(plugin: Plugin, folder: Path, reading: Reading, actor: Actor) -> ScanEntry:
    before = {"version": plugin.version, "digest": plugin.digest, "folder": plugin.folder}
    state = State(plugin.state)
    if reading.fault and state.in_service:
        _fail_unreadable(plugin, reading, actor)
    elif not state.in_service:
        transitions.touch(plugin=plugin, **reading.fields)
    elif state == State.INITIALIZED:
        _reload(plugin, reading, actor)
    else:
        # RUNNING: loaded again when its last active run has ended.
        transitions.touch(plugin=plugin, **reading.fields, **load_request())
        if state == State.LOADED:
            queue.enqueue_load(plugin=plugin)
    _record(plugin, "plugin.upgraded", actor, before=before)
    return ScanEntry(
        folder=folder,
        name=plugin.name,
        outcome="upgraded",
        message=reading.fault or _upgrade_message(plugin, before["version"]),
    )


def _reload(plugin: Plugin, reading: Reading, actor: Actor) -> None:
    version = reading.fields["version"]
    transitions.apply(
        plugin=plugin,
        action=Action.RELOAD,
        actor=actor,
        code="upgraded",
        reason=f"New code: version {version}.",
        changes=reading.fields | load_request(),
    )
    queue.enqueue_load(plugin=plugin)


def _fail_unreadable(plugin: Plugin, reading: Reading, actor: Actor) -> None:
    _fail(plugin, "bad_manifest", reading.fault, actor, reading.fields | no_load_request())


def _missing(folders: Sequence[Path], actor: Actor) -> Iterator[ScanEntry]:
    """Take plugins out of service whose folders were below FOLDERS and are gone."""
    roots = [folder.resolve() for folder in folders]
    for plugin in Plugin.objects.all():
        folder = Path(plugin.folder)
        is_ours = any(root in (folder, *folder.parents) for root in roots)
        if is_ours and not (folder / FILE_NAME).exists() and State(plugin.state).in_service:
            reason = f"Its folder {folder} is gone. Bring it back and restart the plugin"
            with transaction.atomic():
                _fail(plugin, "folder_missing", reason, actor, no_load_request())
                _record(plugin, "plugin.folder_missing", actor, before=None)
            yield ScanEntry(folder=folder, name=plugin.name, outcome="refused", message=reason)


def _fail(plugin: Plugin, code: str, reason: str, actor: Actor, changes: dict[str, Any]) -> None:
    transitions.apply(
        plugin=plugin, action=Action.FAIL, actor=actor, code=code, reason=reason, changes=changes
    )
    runs.end_all_queued(plugin=plugin, reason=f"its plugin left service: {reason}")


def _record(plugin: Plugin, action: str, actor: Actor, *, before: Any) -> None:
    after = {"version": plugin.version, "digest": plugin.digest, "folder": plugin.folder}
    audit.record(
        actor=actor, action=action, object=f"plugin:{plugin.name}", before=before, after=after
    )


def _version(plugin: Plugin) -> str:
    return f"version {plugin.version}"


def _upgrade_message(plugin: Plugin, old_version: str) -> str:
    change = f"version {old_version} → {plugin.version}"
    if State(plugin.state).in_service:
        return change
    return f"{change}; it stays {plugin.state} until a person restarts it"
