"""The seam to the sandbox: a plugin's record and a run's limits, put into the sandbox's own values."""

from pathlib import Path

import sandbox
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
