"""The folders of standbys: made before their run is known, emptied into the run's own after it."""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandbox.artifacts import FOLDER
from sandbox.errors import SandboxError
from sandbox.guards import files

PARTS: Final = ("tmp", FOLDER)
OWNER_ONLY: Final = 0o700


class Nest:
    """A folder below ROOT with SLOTS places, each a `box` to write and `inputs` to read."""

    def __init__(self, root: Path, *, slots: int) -> None:
        try:
            root.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix="nest-", dir=root)).resolve()
            for slot in range(slots):
                self.inputs(slot).mkdir(parents=True)
                _make_parts(self.box(slot))
            self.own_scratch = self.folder / "template"
            _make_parts(self.own_scratch)
        except OSError as error:
            raise SandboxError(f"A standby's folder cannot be made in {root}: {error}") from error

    @property
    def is_whole(self) -> bool:
        """False when somebody cleared the folder away: a cleaner of temporary files, say."""
        return self.own_scratch.is_dir()

    def box(self, slot: int) -> Path:
        return Path(files.box(str(self.folder), slot))

    def inputs(self, slot: int) -> Path:
        return Path(files.inputs(str(self.folder), slot))

    def put_in(
        self, slot: int, given: Mapping[str, Mapping[str, str]]
    ) -> dict[str, dict[str, str]]:
        """Make the files GIVEN appear among the slot's inputs; return them with these paths."""
        placed = {}
        for number, (field, file) in enumerate(given.items()):
            path = str(self.inputs(slot) / str(number))
            _link_or_copy(file["path"], path)
            placed[field] = {"path": path, "name": file["name"]}
        return placed

    def take_out(self, slot: int, scratch: Path) -> None:
        """Move all that a dead run left in its box to SCRATCH, and make the slot as new."""
        try:
            self._take_out(self.box(slot), self.inputs(slot), scratch)
        except FileNotFoundError as error:
            raise SandboxError(
                f"{error.filename} was removed while a run used it. Let nothing but the platform "
                f"clear {self.folder.parent}, and run it again"
            ) from error

    def _take_out(self, box: Path, places: Path, scratch: Path) -> None:
        os.chmod(box, OWNER_ONLY)
        names = os.listdir(box)
        left = [name for name in names if not _is_empty_part(box, name)]
        for name in left:
            _move(f"{box}/{name}", f"{scratch}/{name}")
        if left or len(names) < len(PARTS):
            _make_parts(box)
        for name in os.listdir(places):
            os.unlink(f"{places}/{name}")

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _make_parts(box: Path) -> None:
    for part in PARTS:
        (box / part).mkdir(parents=True, exist_ok=True)


def _is_empty_part(box: Path, name: str) -> bool:
    path = f"{box}/{name}"
    with suppress(OSError):
        return name in PARTS and not os.path.islink(path) and not os.listdir(path)
    return False


def _link_or_copy(source: str, target: str) -> None:
    """A second name costs nothing; the walls make it read-only as they would the first."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _move(source: str, target: str) -> None:
    with suppress(OSError):
        os.rmdir(target)  # an empty folder is not in the way
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise SandboxError(f"{target} is in the way of what a run left: {error}") from error
        shutil.move(source, target)
