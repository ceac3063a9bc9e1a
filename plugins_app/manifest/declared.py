"""A manifest as a value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from plugins_app.errors import Fault
from plugins_app.manifest import config
from plugins_app.manifest.config import ConfigField


@dataclass(frozen=True, kw_only=True)
class Requires:
    gpu: bool = False
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model file; `path` is relative to the plugin's folder and stays within it."""

    name: str
    path: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeclaredLimits:
    """What the plugin asks for; None where it leaves the platform's default."""

    timeout_seconds: int | None = None
    memory_mb: int | None = None
    max_concurrent_runs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a plugin says about itself. Made by `parse_manifest` only, so every value makes sense."""

    name: str
    version: str
    entrypoint: str
    description: str = ""
    requires: Requires = Requires()
    models: tuple[Model, ...] = ()
    limits: DeclaredLimits = DeclaredLimits()
    network: bool = False
    config: tuple[ConfigField, ...] = ()
    reuse: int = 1

    def config_faults(self, values: Mapping[str, Any]) -> tuple[Fault, ...]:
        """What is wrong with a change of settings, by JSON pointer `/config/NAME`; null resets."""
        return config.faults_of(self.config, values)

    def effective_config(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Every setting's value in force, secrets included: for the plugin itself."""
        return config.effective(self.config, overrides)

    def masked_config(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Every setting's value to be shown: a secret is null or "set"."""
        return config.masked(self.config, overrides)

    def to_json(self) -> dict[str, Any]:
        """The manifest in the shape of `plugin.toml`, defaults filled in; limits only if declared."""
        return {
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "entrypoint": self.entrypoint,
            "requires": {"gpu": self.requires.gpu, "packages": list(self.requires.packages)},
            "models": {m.name: {"path": m.path, "sha256": m.sha256} for m in self.models},
            "limits": {k: v for k, v in asdict(self.limits).items() if v is not None},
            "permissions": {"network": self.network},
            "config": {field.name: field.to_json() for field in self.config},
            "runtime": {"reuse": self.reuse},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the manifest that `to_json` wrote."""
        requires = stored["requires"]
        return cls(
            **{key: stored[key] for key in ("name", "version", "description", "entrypoint")},
            requires=Requires(gpu=requires["gpu"], packages=tuple(requires["packages"])),
            models=tuple(Model(name=name, **model) for name, model in stored["models"].items()),
            limits=DeclaredLimits(**stored["limits"]),
            network=stored["permissions"]["network"],
            config=tuple(ConfigField.from_json(*item) for item in stored["config"].items()),
            reuse=stored["runtime"]["reuse"],
        )
