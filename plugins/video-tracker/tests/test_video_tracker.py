"""How the platform sees the plugin on this machine."""

import tomllib

import pytest

import sandbox
from plugins_app.manifest import read_manifest

from .conftest import FOLDER, WEIGHTS


@pytest.fixture(scope="module")
def loaded() -> sandbox.LoadReport:
    manifest = read_manifest(FOLDER)
    requires = sandbox.Requirements(
        gpu=manifest.requires.gpu,
        packages=manifest.requires.packages,
        models=tuple(
            sandbox.ModelFile(name=model.name, path=model.path, sha256=model.sha256)
            for model in manifest.models
        ),
    )
    plugin = sandbox.PluginSource(
        name=manifest.name,
        folder=FOLDER,
        entrypoint=manifest.entrypoint,
        config=manifest.effective_config({}),
        requires=requires,
    )
    limits = sandbox.Limits(timeout_seconds=90, memory_bytes=8 << 30)
    return sandbox.load(plugin, limits=limits, label="test-video-tracker")


def test_without_a_gpu_it_is_unavailable_for_that_alone(loaded: sandbox.LoadReport) -> None:
    if sandbox.gpu_facts()["problem"] is None:
        assert loaded.stage is sandbox.Stage.INITIALIZED
        return
    assert [problem.code.split("_")[0] for problem in loaded.unavailable] == ["gpu"]
    assert loaded.problem is None


def test_its_tools_are_known_all_the_same(loaded: sandbox.LoadReport) -> None:
    (tool,) = loaded.tools
    fields = tool.input_schema["properties"]
    assert tool.file_fields == ("video",)
    assert all("title" in field for field in fields.values())
    bounds = {
        name: (field["minimum"], field["maximum"], field["default"])
        for name, field in fields.items()
        if field.get("type") in ("integer", "number")
    }
    assert bounds == {
        "first_frame": (0, 10_000_000, 0),
        "stride": (1, 100, 1),
        "max_frames": (0, 1_000_000, 0),
        "min_score": (0.05, 0.99, 0.5),
    }
    assert fields["classes"]["default"] == []
    assert fields["classes"]["maxItems"] == 100


def test_weights_are_pinned() -> None:
    manifest = tomllib.loads((FOLDER / "plugin.toml").read_text())
    assert len(manifest["models"]["detector"]["sha256"]) == 64
    assert WEIGHTS.is_file()
