"""The seam to the sandbox: records and limits put into its values, and this process's nursery."""

import functools
import os
import shutil
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings

import sandbox
from plugins_app import processes
from plugins_app.limits import EffectiveLimits
from plugins_app.manifest import Manifest
from plugins_app.models import Plugin


def source_of(plugin: Plugin) -> sandbox.PluginSource:
    """Return where PLUGIN's code lies and what it may have, with the config now in force."""
    manifest = Manifest.from_json(plugin.manifest)
    return sandbox.PluginSource(
        name=plugin.name,
        folder=Path(plugin.folder),
        entrypoint=manifest.entrypoint,
        config=manifest.effective_config(plugin.config),
        network=manifest.network,
        reuse=manifest.reuse,
        # Each time it comes into service its files may be others, model files included.
        revision=f"{plugin.digest}/{plugin.in_service_since}",
        requires=sandbox.Requirements(
            gpu=manifest.requires.gpu,
            packages=manifest.requires.packages,
            models=tuple(
                sandbox.ModelFile(name=model.name, path=model.path, sha256=model.sha256)
                for model in manifest.models
            ),
        ),
    )


def limits_of(limits: EffectiveLimits) -> sandbox.Limits:
    return sandbox.Limits(
        timeout_seconds=limits.timeout_seconds.value,
        memory_bytes=limits.memory_mb.value << 20,
    )


def run(task: sandbox.Task, **watching: Any) -> sandbox.Report:
    """Run TASK in a standby child where one may be kept, else in one of its own."""
    runs = nursery().run if settings.STANDBY_PLUGINS else sandbox.run
    return runs(task, **watching)


@functools.cache
def nursery() -> sandbox.Nursery:
    """Return this worker process's standby children."""
    _remove_nests_of_the_dead()
    root = nests() / f"{processes.HOST}:{os.getpid()}"
    return sandbox.Nursery(root=root, most=settings.STANDBY_PLUGINS)


def tidy_nursery() -> None:
    """Let go of standbys that nobody has used for long."""
    if nursery.cache_info().currsize:
        nursery().tidy()


def close_nursery() -> None:
    if nursery.cache_info().currsize:
        nursery().close()
        nursery.cache_clear()


def nests() -> Path:
    """Return where standbys live: beside the runs' scratch folders, so that files can be moved."""
    return Path(settings.SCRATCH_ROOT) / "nests"


def _remove_nests_of_the_dead() -> None:
    """Clear what processes of this host left that were killed before they could."""
    for nest in nests().glob(f"{processes.HOST}:*"):
        if not psutil.pid_exists(int(nest.name.rpartition(":")[2])):
            shutil.rmtree(nest, ignore_errors=True)
