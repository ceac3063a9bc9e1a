"""Reading `plugin.toml`: what it declares, and how each fault is named."""

import os
from pathlib import Path

import pytest

from plugins_app.errors import ManifestError
from plugins_app.manifest import (
    LIMIT_RANGES,
    ConfigField,
    DeclaredLimits,
    Manifest,
    Model,
    Requires,
    digest_of,
    parse_manifest,
    read_manifest,
)

HEAD = 'name = "counter"\nversion = "1.0.0"\nentrypoint = "counter:Counter"\n'
SHA256 = "ab" * 32
WHOLE = f"""
name = "motion-tracker"
version = "1.0.0rc1"
description = "Tracks moving objects on the CPU."
entrypoint = "trackers.motion:MotionTracker"

[requires]
gpu = true
packages = ["numpy>=1.26", "av"]

[models.detector]
path = "./weights/detector.safetensors"
sha256 = "{SHA256.upper()}"

[limits]
timeout_seconds = 300
memory_mb = 2048
max_concurrent_runs = 1

[permissions]
network = true

[runtime]
reuse = 5

[config]
threshold = 0.5
"""


def faults(text: str) -> dict[str, str]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    return {fault.pointer: fault.message for fault in caught.value.faults}


def test_a_whole_manifest_is_read() -> None:
    assert parse_manifest(WHOLE) == Manifest(
        name="motion-tracker",
        version="1.0.0rc1",
        description="Tracks moving objects on the CPU.",
        entrypoint="trackers.motion:MotionTracker",
        requires=Requires(gpu=True, packages=("numpy>=1.26", "av")),
        models=(Model(name="detector", path="weights/detector.safetensors", sha256=SHA256),),
        limits=DeclaredLimits(timeout_seconds=300, memory_mb=2048, max_concurrent_runs=1),
        network=True,
        config=(ConfigField(name="threshold", default=0.5, type="number"),),
        reuse=5,
    )


def test_three_lines_are_enough() -> None:
    manifest = parse_manifest(HEAD)
    assert manifest.requires == Requires()
    assert manifest.limits == DeclaredLimits()
    assert not manifest.network
    assert manifest.reuse == 1


@pytest.mark.parametrize("text", [WHOLE, HEAD])
def test_a_manifest_survives_being_stored(text: str) -> None:
    manifest = parse_manifest(text)
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_a_stored_manifest_has_the_shape_of_its_file() -> None:
    stored = parse_manifest(WHOLE).to_json()
    assert stored["requires"] == {"gpu": True, "packages": ["numpy>=1.26", "av"]}
    assert stored["models"]["detector"]["path"] == "weights/detector.safetensors"
    assert stored["permissions"] == {"network": True}


def test_only_declared_limits_are_stored() -> None:
    assert parse_manifest(HEAD + "[limits]\nmemory_mb = 128").to_json()["limits"] == {
        "memory_mb": 128
    }


def test_every_fault_is_named_at_once() -> None:
    assert set(
        faults('version = "one"\nentrypoint = "counter"\n[limits]\nmemory_mb = 0\ntimeout = 3')
    ) == {"/name", "/version", "/entrypoint", "/limits/memory_mb", "/limits/timeout"}


@pytest.mark.parametrize(
    ("text", "pointer", "words"),
    [
        ('name = "My Plugin!"', "/name", 'write name = "my-plugin"'),
        ("name = 3", "/name", "must be text in quotation marks, not 3"),
        (f'name = "{"a" * 101}"', "/name", "101 letters long: use 100 at most"),
        ('name = "a\\u0000"', "/name", "NUL character"),
        ('version = "1.0.x"', "/version", 'is no version (PEP 440): write one like "1.2.0"'),
        ('entrypoint = "counter.Counter"', "/entrypoint", 'write it like "my_plugin:MyPlugin"'),
        ('entrypoint = "a-b:C"', "/entrypoint", "must name a module and a class"),
        ('entrypoint = "a:B:C"', "/entrypoint", "must name a module and a class"),
        ("description = true", "/description", "must be text"),
        ('requires = "numpy"', "/requires", "write [requires] on a line of its own"),
        ("[[requires]]", "/requires", "must be a table"),
        ("[requires]\ngpu = 'yes'", "/requires/gpu", "must be true or false, without quotation"),
        ("[requires]\npackages = 'av'", "/requires/packages", "must be a list of texts"),
        (
            "[requires]\npackages = ['av', 'numpy=>1']",
            "/requires/packages/1",
            "is no requirement (PEP 508)",
        ),
        (f"[requires]\npackages = ['a; {'(' * 2000}']", "/requires/packages/0", "PEP 508"),
        ("[models.detector]", "/models/detector/path", "is missing: write path ="),
        ("[models.a]\npath = '../w.pt'", "/models/a/path", "relative to the plugin's folder"),
        ("[models.a]\npath = 'a/../../w.pt'", "/models/a/path", "relative to the plugin's folder"),
        ("[models.a]\npath = '/etc/w.pt'", "/models/a/path", "relative to the plugin's folder"),
        ("[models.a]\npath = 'w\\v.pt'", "/models/a/path", "relative to the plugin's folder"),
        ("[models.a]\npath = '.'", "/models/a/path", "relative to the plugin's folder"),
        ("[models.a]\npath = 'w'\nsha256 = 'ab'", "/models/a/sha256", "64 hexadecimal digits"),
        ("[models.'a/b']\npath = 'w'", "/models/a~1b", "is no name for a model"),
        ("[models]\na = 'w.pt'", "/models/a", "must be a table"),
        ("[limits]\ntimeout_seconds = 0", "/limits/timeout_seconds", "from 1 to 86400, not 0"),
        ("[limits]\ntimeout_seconds = 1.5", "/limits/timeout_seconds", "a whole number"),
        ("[limits]\ntimeout_seconds = 86401", "/limits/timeout_seconds", "from 1 to 86400"),
        ("[limits]\nmemory_mb = true", "/limits/memory_mb", "from 64 to 1048576, not True"),
        ("[limits]\nmemory_mb = 63", "/limits/memory_mb", "from 64 to 1048576, not 63"),
        (f"[limits]\nmemory_mb = 0x{'f' * 9000}", "/limits/memory_mb", "not such int"),
        ("[limits]\nmax_concurrent_runs = -1", "/limits/max_concurrent_runs", "from 1 to 1000"),
        ("[permissions]\nnetwork = 1", "/permissions/network", "must be true or false"),
        ("[runtime]\nreuse = 0", "/runtime/reuse", "a whole number from 1"),
        ("[requirements]", "/requirements", "is not known; requires was probably meant"),
        ("[limits]\ntimeout = 3", "/limits/timeout", "is not known; timeout_seconds was probably"),
        ("[runtime]\nxyz = 3", "/runtime/xyz", "is not known; possible here: reuse"),
        ('"\\u0000" = 1', "/\\x00", "is not known"),
    ],
)
def test_a_fault_says_where_and_what_to_write_instead(text: str, pointer: str, words: str) -> None:
    key = text.partition(" = ")[0]
    head = "\n".join(line for line in HEAD.splitlines() if not line.startswith(f"{key} "))
    found = faults(f"{head}\n{text}")
    assert list(found) == [pointer]
    assert words in found[pointer]


def test_what_is_missing_is_given_with_an_example() -> None:
    assert faults("") == {
        "/name": 'is missing: write name = "my-plugin"',
        "/version": 'is missing: write version = "1.0.0"',
        "/entrypoint": 'is missing: write entrypoint = "my_plugin:MyPlugin"',
    }


def test_a_syntax_error_names_its_line() -> None:
    assert "at line 4, column" in faults(HEAD + "[requires\n")[""]


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = 1\na = 2", "a = '\ud800"]
)
def test_what_no_toml_reader_takes_is_a_fault(text: str) -> None:
    assert list(faults(text)) == [""]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (HEAD + "[limits]\nmemory_mb = 0", "counter"),
        ("name = 'counter' # mine\nversion = ", "counter"),
        ("name = 'not a slug'", None),
        ("version = '1'\n[x\nname = 'counter'", None),
        ("", None),
    ],
)
def test_the_name_is_kept_where_it_can_be_read(text: str, name: str | None) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    assert caught.value.name == name


def test_limits_have_the_bounds_of_the_settings(settings: object) -> None:
    longest, largest = settings.LONGEST_TIMEOUT_SECONDS, settings.LARGEST_MEMORY_MB
    assert LIMIT_RANGES["timeout_seconds"].maximum == longest
    assert LIMIT_RANGES["memory_mb"].maximum == largest


def test_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "plugin.toml").write_text(HEAD)
    assert read_manifest(tmp_path).name == "counter"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "plugin.toml is missing in "),
        (b"name = '\xff'", "plugin.toml is no UTF-8 at byte 8: save it as UTF-8"),
        (b"#" * 300_000, "plugin.toml is larger than 262,144 bytes"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "plugin.toml").write_bytes(content)
    with pytest.raises(ManifestError, match=words):
        read_manifest(tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="is missing"):
        read_manifest(tmp_path / "nowhere")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plugin.toml").write_text(HEAD)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "code.py").write_text("a = 1")
    return tmp_path


def test_the_digest_changes_with_code_manifest_and_names(folder: Path) -> None:
    seen = {digest_of(folder)}
    (folder / "package" / "code.py").write_text("a = 2")
    seen.add(digest_of(folder))
    (folder / "plugin.toml").write_text(HEAD + "# more")
    seen.add(digest_of(folder))
    (folder / "package" / "code.py").rename(folder / "package" / "core.py")
    seen.add(digest_of(folder))
    assert len(seen) == 4


def test_the_digest_ignores_what_is_not_code(folder: Path) -> None:
    before = digest_of(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "code.py").write_text("")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "other.py").write_text("")
    (folder / "weights.pt").write_text("much")
    os.mkfifo(folder / "pipe.py")
    (folder / "broken.py").symlink_to(folder / "nowhere")
    assert digest_of(folder) == before
