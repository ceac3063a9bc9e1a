"""Model files, checked by their bytes: a file that is there is not yet a file that can be loaded.

Half-cloned repositories leave Git LFS pointers, expired links leave HTML pages, interrupted
downloads leave the first part. All of that is found here, before any plugin code runs.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

from sandbox.probes.formats import Malformed, check_format
from sandbox.reports import Problem
from sandbox.source import ModelFile

HEAD_BYTES: Final = 4096
LFS_START: Final = b"version https://git-lfs.github.com/spec/"
HTML: Final = re.compile(rb"\s*<(!doctype\s+html|html|head|\?xml)\b", re.IGNORECASE)
# Of these a text is what one expects.
TEXT_SUFFIXES: Final = frozenset(
    {".cfg", ".csv", ".json", ".names", ".txt", ".toml", ".xml", ".yaml", ".yml"}
)
TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]*")
FETCH_AGAIN: Final = "Fetch it again from where the plugin comes from, then restart the plugin"


def check_model(folder: Path, model: ModelFile) -> Problem | None:
    """Return what is wrong with MODEL, a file below the plugin's FOLDER; None when it is sound."""
    try:
        path = _found(folder, model.path)
        head, size = _head(path), path.stat().st_size
        _check_content(path, head=head, size=size)
        _check_sha256(path, model.sha256)
    except Malformed as error:
        return _problem(model, error.code, error.what)
    except OSError as error:
        return _problem(model, "model_unreadable", f"cannot be read: {error.strerror}")
    return None


def _problem(model: ModelFile, code: str, what: str) -> Problem:
    message = f"The model file {model.name!r} ({model.path}) {what}. {_advice(code)}"
    return Problem(code=code, message=message)


def _advice(code: str) -> str:
    return {
        "model_outside": "Give a path relative to the plugin's folder in plugin.toml, and put the "
        "file itself there",
        "model_lfs_pointer": "Run `git lfs install` and `git lfs pull` in the plugin's repository, "
        "then restart the plugin",
        "model_unreadable": "Make it a regular file the worker's user may read, then restart the "
        "plugin",
        "model_checksum": "Fetch it again, or correct `sha256` in plugin.toml if the file was "
        "changed on purpose; then restart the plugin",
    }.get(code, FETCH_AGAIN)


def _found(folder: Path, relative: str) -> Path:
    """Return the file, wherever links within the plugin's folder lead."""
    root = folder.resolve()
    try:
        path = (root / relative).resolve()
    except (OSError, RuntimeError, ValueError):
        raise Malformed("model_outside", "has a path that leads nowhere") from None
    if not path.is_relative_to(root):
        raise Malformed("model_outside", "leads out of the plugin's folder")
    if not path.exists():
        raise Malformed("model_missing", "is missing")
    if not path.is_file():
        raise Malformed("model_unreadable", "is no regular file")
    return path


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _check_content(path: Path, *, head: bytes, size: int) -> None:
    if size == 0:
        raise Malformed("model_empty", "is empty")
    if head.startswith(LFS_START):
        raise Malformed("model_lfs_pointer", "is a Git LFS pointer, not the model itself")
    if path.suffix.lower() in TEXT_SUFFIXES:
        return
    if HTML.match(head):
        raise Malformed("model_html", "is an HTML page: the download met an error or login page")
    if TEXT.fullmatch(head) and _is_text(head):
        raise Malformed("model_placeholder", f"is a text, not a model: it begins {_start(head)}")
    check_format(path, head=head, size=size)


def _is_text(head: bytes) -> bool:
    # The head may end within a character.
    return any(_decodes(head[: len(head) - cut]) for cut in range(4))


def _decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _start(head: bytes) -> str:
    return repr(head.decode("utf-8", "replace").strip()[:40])


def _check_sha256(path: Path, pinned: str | None) -> None:
    if pinned is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != pinned.strip().lower():
        raise Malformed("model_checksum", f"has the SHA-256 {found}, not the pinned {pinned}")
