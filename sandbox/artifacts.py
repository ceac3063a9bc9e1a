"""The files a run leaves, vetted: what a link points at could be anything on the machine."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.reports import Artifact

FOLDER: Final = "artifacts"


@dataclass(frozen=True, kw_only=True)
class Harvest:
    artifacts: tuple[Artifact, ...]
    refused: tuple[str, ...]


def collect_artifacts(scratch: Path, names: Iterable[str]) -> Harvest:
    """Return the files NAMES of a run that is over, and why some of them were refused.

    Only for a dead tree: nothing may change between this look and the use of its answer.
    """
    folder = scratch / FOLDER
    names = list(names)
    if not names:
        return Harvest(artifacts=(), refused=())
    if (mode := _mode(folder)) and not stat.S_ISDIR(mode):
        return Harvest(artifacts=(), refused=("the artifacts folder was replaced",))
    artifacts, refused = [], []
    for name in names:
        path = folder / name
        if (reason := _refusal(path)) is None:
            artifacts.append(Artifact(name=name, path=path, size=path.lstat().st_size))
        else:
            refused.append(f"artifact {name!r} was not kept: {reason}")
    return Harvest(artifacts=tuple(artifacts), refused=tuple(refused))


def _refusal(path: Path) -> str | None:
    if path.name in (os.curdir, os.pardir) or path.parent.name != FOLDER:
        return "its name leads out of the artifacts folder"
    mode = _mode(path)
    if mode == 0:
        return "it was asked for and never written"
    if stat.S_ISLNK(mode):
        return "it is a symbolic link"
    if not stat.S_ISREG(mode):
        return "it is no regular file"
    if path.lstat().st_nlink != 1:
        return "it is a hard link: another name leads to the same file"
    return None


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0
