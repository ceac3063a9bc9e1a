"""Model files by their bytes: what a clone, a download or a copy gets wrong is named."""

import hashlib
import io
import json
import os
import struct
import zipfile
from pathlib import Path

import pytest

import sandbox
from sandbox.probes.models import check_model


def _safetensors(size: int = 16) -> bytes:
    header = {"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}
    text = json.dumps(header | {"__metadata__": {"format": "pt"}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def _archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, os.urandom(300))
    return buffer.getvalue()


TORCH = _archive("net/data.pkl", "net/data/0", "net/version")
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>"
SOUND = {
    "net.safetensors": _safetensors(),
    "net.pt": TORCH,
    "old.pth": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03." + bytes(40),
    "net.onnx": b"\x08\x08\x12\x07pytorch" + bytes(100),
    "net.gguf": b"GGUF\x03" + bytes(40),
    "net.bin": os.urandom(64),
    "labels.txt": b"person\ncar\n",
    "net.engine": os.urandom(64),
}
BROKEN = {
    "empty": ("net.safetensors", b"", "model_empty"),
    "short": ("net.safetensors", b"\x08\0\0", "model_too_short"),
    "short pt": ("net.pt", b"PK\x03\x04", "model_too_short"),
    "text": ("net.pt", b"put the weights here, please\n", "model_placeholder"),
    "umlauts": ("net.onnx", "Gewichte für später, hier hinein".encode(), "model_placeholder"),
    "lfs pointer": ("net.safetensors", LFS, "model_lfs_pointer"),
    "lfs pointer for labels": ("labels.txt", LFS, "model_lfs_pointer"),
    "html": ("net.onnx", HTML, "model_html"),
    "spaced html": ("net.pt", b"\n\n  <HTML><body>moved</body></HTML>", "model_html"),
    "wrong magic": ("net.pt", b"\x00\x01\x02\x03" * 20, "model_wrong_magic"),
    "wrong gguf": ("net.gguf", b"\x00GGU" * 20, "model_wrong_magic"),
    "wrong safetensors": ("net.safetensors", b"\xff" * 64, "model_wrong_magic"),
    "no header": ("net.safetensors", struct.pack("<Q", 20) + b"x" * 40, "model_wrong_magic"),
    "truncated": ("net.safetensors", _safetensors()[:-1], "model_truncated"),
    "in the header": ("net.safetensors", _safetensors()[:30], "model_truncated"),
    "too long": ("net.safetensors", _safetensors() + b"x", "model_wrong_size"),
    "truncated pt": ("net.pt", TORCH[:-30], "model_truncated"),
    "half a pt": ("net.pt", TORCH[: len(TORCH) // 2], "model_truncated"),
    "a hole in a pt": ("net.pt", TORCH[:100] + TORCH[200:], "model_truncated"),
    "any zip": ("net.pt", _archive("readme.md"), "model_wrong_magic"),
}


def _check(folder: Path, name: str, *, sha256: str | None = None) -> sandbox.Problem | None:
    return check_model(folder, sandbox.ModelFile(name="detector", path=name, sha256=sha256))


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_passes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(SOUND[name])
    assert _check(tmp_path, name) is None


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_named(tmp_path: Path, what: str) -> None:
    name, content, code = BROKEN[what]
    (tmp_path / name).write_bytes(content)
    problem = _check(tmp_path, name)
    assert problem is not None
    assert problem.code == code
    assert "'detector'" in problem.message
    assert name in problem.message
    assert problem.message.endswith("restart the plugin")


def test_a_real_torch_file_passes_and_any_truncation_of_it_does_not(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(TORCH)
    for length in range(22, len(TORCH), 37):
        path.write_bytes(TORCH[:length])
        assert _check(tmp_path, "net.pt") is not None


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    problem = _check(tmp_path, "weights/net.pt")
    assert problem is not None
    assert problem.code == "model_missing"


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "net.pt").mkdir()
    problem = _check(tmp_path, "net.pt")
    assert problem is not None
    assert problem.code == "model_unreadable"


def test_a_pinned_hash_catches_a_flipped_byte(tmp_path: Path) -> None:
    content = bytearray(_safetensors())
    pinned = hashlib.sha256(content).hexdigest()
    (tmp_path / "net.safetensors").write_bytes(content)
    assert _check(tmp_path, "net.safetensors", sha256=pinned.upper()) is None
    content[-1] ^= 1
    (tmp_path / "net.safetensors").write_bytes(content)
    problem = _check(tmp_path, "net.safetensors", sha256=pinned)
    assert problem is not None
    assert problem.code == "model_checksum"


@pytest.mark.parametrize(
    "path", ["../secret.pt", "/etc/passwd", "link.pt", "a/../../secret.pt", "a\0b"]
)
def test_a_path_out_of_the_folder_is_refused_unread(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "plugin"
    folder.mkdir()
    (tmp_path / "secret.pt").write_bytes(TORCH)
    (folder / "link.pt").symlink_to(tmp_path / "secret.pt")
    problem = _check(folder, path)
    assert problem is not None
    assert problem.code == "model_outside"


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    # A pickle that would make a file when loaded.
    trap = b"\x80\x02cos\nmkdir\nq\x00X" + struct.pack("<I", 4) + b"trapq\x01\x85q\x02Rq\x03."
    (tmp_path / "net.pt").write_bytes(trap + bytes(40))
    _check(tmp_path, "net.pt")
    assert not Path("trap").exists()
