"""`plugin.toml`, read into a frozen value, with every fault named. Pure: no framework, no database.

manifest = read_manifest(folder)     # or ManifestError, which names every fault at once
digest = digest_of(folder)           # changes when the manifest or the code does
"""

from plugins_app.manifest.config import ConfigField
from plugins_app.manifest.declared import DeclaredLimits, Manifest, Model, Requires
from plugins_app.manifest.folder import FILE_NAME, digest_of, read_manifest
from plugins_app.manifest.limits import LIMIT_RANGES, Range
from plugins_app.manifest.parsing import parse_manifest

__all__ = [
    "FILE_NAME",
    "LIMIT_RANGES",
    "ConfigField",
    "DeclaredLimits",
    "Manifest",
    "Model",
    "Range",
    "Requires",
    "digest_of",
    "parse_manifest",
    "read_manifest",
]
