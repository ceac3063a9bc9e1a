"""A plugin's folder: its manifest file, and the digest by which a change is noticed."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from plugins_app.errors import Fault, ManifestError
from plugins_app.manifest.declared import Manifest
from plugins_app.manifest.parsing import parse_manifest

FILE_NAME: Final = "plugin.toml"
LARGEST_MANIFEST: Final = 256 << 10
CODE_SUFFIXES: Final = (".py", ".pyx", ".so", ".pyd")
"""What an import may execute. Weights have their own sha256, and may be gigabytes."""


def read_manifest(folder: Path) -> Manifest:
    """Return what FOLDER's `plugin.toml` declares, or raise ManifestError with every fault."""
    file = folder / FILE_NAME
    try:
        if not file.is_file():
            raise _unreadable(f"is missing in {folder}: write one, or name the folder that has it")
        if file.stat().st_size > LARGEST_MANIFEST:
            raise _unreadable(f"is larger than {LARGEST_MANIFEST:,} bytes: shorten it")
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise _unreadable(f"is no UTF-8 at byte {error.start}: save it as UTF-8") from None
    except OSError as error:
        raise _unreadable(f"cannot be read ({error.strerror}): correct its rights") from None
    return parse_manifest(text)


def digest_of(folder: Path) -> str:
    """Return the SHA-256 over the manifest and every code file, names and contents.

    Raises ManifestError where a file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in sorted(_code_files(folder)):
            content = hashlib.sha256(path.read_bytes()).digest()
            digest.update(os.fsencode(path.relative_to(folder).as_posix()) + b"\0" + content)
    except OSError as error:
        raise _unreadable(
            f"digest: {error.filename} cannot be read ({error.strerror}): correct its rights"
        ) from None
    return digest.hexdigest()


def _code_files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name != "__pycache__"]
        for name in files:
            path = Path(parent, name)
            is_code = name.endswith(CODE_SUFFIXES) or path == folder / FILE_NAME
            # A pipe named x.py would keep its reader waiting for ever.
            if is_code and path.exists() and stat.S_ISREG(path.stat().st_mode):
                yield path


def _unreadable(message: str) -> ManifestError:
    return ManifestError([Fault(pointer="", message=message, code="unreadable")])
