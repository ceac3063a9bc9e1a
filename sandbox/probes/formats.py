"""The structure of model files, read from their bytes. Nothing here is ever unpickled or run."""

import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SAFETENSORS_LENGTH: Final = struct.Struct("<Q")
MOST_SAFETENSORS_HEADER: Final = 100_000_000
LOCAL_HEADER_BYTES: Final = 30
TORCH_SUFFIXES: Final = frozenset({".pt", ".pth", ".ckpt"})
ZIP_MAGIC: Final = b"PK\x03\x04"
PICKLE_MAGIC: Final = b"\x80"

# Where each magic must stand. ONNX and .bin have none: they are held to what is surely wrong.
MAGICS: Final[Mapping[str, tuple[int, tuple[bytes, ...]]]] = {
    ".gguf": (0, (b"GGUF",)),
    ".h5": (0, (b"\x89HDF\r\n\x1a\n",)),
    ".hdf5": (0, (b"\x89HDF\r\n\x1a\n",)),
    ".keras": (0, (ZIP_MAGIC,)),
    ".npy": (0, (b"\x93NUMPY",)),
    ".npz": (0, (ZIP_MAGIC,)),
    ".tflite": (4, (b"TFL3",)),
    **dict.fromkeys(TORCH_SUFFIXES, (0, (ZIP_MAGIC, PICKLE_MAGIC))),
}
LEAST_BYTES: Final[Mapping[str, int]] = {".safetensors": 10, ".npy": 16, ".gguf": 24}
LEAST_BYTES_OF_ANY: Final = 22  # an empty zip archive has as many


class Malformed(Exception):
    """A model file is not what its name says. `code` is the problem's."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


def check_format(path: Path, *, head: bytes, size: int) -> None:
    """Raise Malformed when the file's structure does not fit its suffix."""
    suffix = path.suffix.lower()
    least = LEAST_BYTES.get(suffix, LEAST_BYTES_OF_ANY)
    if size < least:
        raise Malformed("model_too_short", f"is too short to be a model: {size} bytes")
    _check_magic(suffix, head)
    if suffix == ".safetensors":
        _check_safetensors(path, size)
    elif head.startswith(ZIP_MAGIC):
        _check_zip(path, needs_pickle=suffix in TORCH_SUFFIXES)


def _check_magic(suffix: str, head: bytes) -> None:
    if suffix not in MAGICS:
        return
    start, magics = MAGICS[suffix]
    if not any(head.startswith(magic, start) for magic in magics):
        raise Malformed(
            "model_wrong_magic",
            f"does not begin like a {suffix} file: its first bytes are {head[:8].hex(' ')}",
        )


def _check_safetensors(path: Path, size: int) -> None:
    """Check 8 bytes of length + header + the largest offset against the size of the file."""
    with path.open("rb") as file:
        (length,) = SAFETENSORS_LENGTH.unpack(file.read(SAFETENSORS_LENGTH.size))
        if length > MOST_SAFETENSORS_HEADER:
            raise Malformed("model_wrong_magic", "does not begin like a .safetensors file")
        if SAFETENSORS_LENGTH.size + length > size:
            raise Malformed("model_truncated", "ends within its header: it is truncated")
        header = _safetensors_header(file.read(length))
    expected = SAFETENSORS_LENGTH.size + length + _largest_offset(header)
    if size < expected:
        raise Malformed("model_truncated", f"is truncated: {size:,} bytes of {expected:,}")
    if size > expected:
        raise Malformed(
            "model_wrong_size", f"is {size:,} bytes long where its header says {expected:,}"
        )


def _safetensors_header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise Malformed("model_wrong_magic", "has no readable .safetensors header")
    return header


def _largest_offset(header: Mapping[str, Any]) -> int:
    try:
        ends = [
            tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"
        ]
        return max(map(int, ends), default=0)
    except (TypeError, KeyError, IndexError, ValueError):
        raise Malformed("model_wrong_magic", "has a .safetensors header without offsets") from None


def _check_zip(path: Path, *, needs_pickle: bool) -> None:
    """Check that the central directory is there and every entry it names lies in the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            # Opening reads and compares the entry's own header, and no content.
            for entry in entries:
                archive.open(entry).close()
            start = archive.start_dir
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Malformed("model_truncated", f"is a truncated or broken archive: {error}") from None
    if any(_end(entry) > start for entry in entries):
        raise Malformed("model_truncated", "is a broken archive: its entries overlap its directory")
    if needs_pickle and not any(entry.filename.endswith("data.pkl") for entry in entries):
        raise Malformed("model_wrong_magic", "is a zip archive, but none that torch.save wrote")


def _end(entry: zipfile.ZipInfo) -> int:
    return entry.header_offset + LOCAL_HEADER_BYTES + entry.compress_size
