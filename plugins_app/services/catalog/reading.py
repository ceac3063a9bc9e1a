"""A plugin's folder, read into the fields of its record."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils import timezone

from plugins_app.errors import ManifestError
from plugins_app.manifest import digest_of, read_manifest

UNKNOWN_VERSION = "0"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a folder says now. FAULT is why its manifest cannot be used; then FIELDS keeps little."""

    name: str
    fields: dict[str, Any]
    fault: str = ""


def read(folder: Path) -> Reading:
    """Read FOLDER. Raises ManifestError where not even a name can be made out."""
    digest = digest_of(folder)
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        if error.name is None:
            raise
        return Reading(
            name=error.name,
            fields={"folder": str(folder), "digest": digest},
            fault=f"{error.message}. Correct plugin.toml, then restart the plugin",
        )
    return Reading(
        name=manifest.name,
        fields={
            "folder": str(folder),
            "digest": digest,
            "version": manifest.version,
            "description": manifest.description,
            "manifest": manifest.to_json(),
        },
    )


def load_request() -> dict[str, Any]:
    """Return the fields that ask the workers to load a plugin, as if for the first time."""
    return {"load_requested_at": timezone.now(), "loading_worker": None, "load_attempts": 0}


def no_load_request() -> dict[str, Any]:
    return {"load_requested_at": None, "loading_worker": None, "load_attempts": 0}
