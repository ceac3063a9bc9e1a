"""The plugin author's view: annotations, files, events, previews, results."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

import sandbox
from sandbox import Status
from tests.sandbox.conftest import Case

TYPES = """
import msgspec

class Box(TypedDict):
    label: str
    corners: list[int]

class Counted(TypedDict):
    boxes: list[Box]
    total: int

Frames = Annotated[int, msgspec.Meta(ge=0, le=100, title="Frames", description="How many.")]
"""
TRACKER = """
@tool(title="Track it", description="Tracks.", streams=True)
def go(
    self,
    run: Run,
    video: Annotated[File, msgspec.Meta(title="Video")],
    mask: File | None = None,
    max_frames: Frames = 0,
    mode: Literal["fast", "good"] = "fast",
) -> Counted:
    with video.open() as file:
        content = file.read()
    run.log(f"{video.name} {video.size} {content!r} {mask} {mode}", level="warning")
    return {"boxes": [{"label": "person", "corners": [1, 2, 3, 4]}], "total": max_frames}
"""


def _spec(case: Case, code: str) -> sandbox.ToolSpec:
    report = case.load(case.source(code, before=TYPES))
    assert report.problem is None, report.problem
    (spec,) = report.tools
    return spec


def test_the_schemas_are_made_from_the_annotations(case: Case) -> None:
    spec = _spec(case, TRACKER)
    assert (spec.title, spec.description, spec.streams) == ("Track it", "Tracks.", True)
    assert spec.file_fields == ("video", "mask")
    schema = spec.input_schema
    assert schema["required"] == ["video"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["max_frames"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 100,
        "title": "Frames",
        "description": "How many.",
        "default": 0,
    }
    assert schema["properties"]["mode"] == {"enum": ["fast", "good"], "default": "fast"}
    assert schema["properties"]["video"]["title"] == "Video"
    assert schema["properties"]["video"]["x-bulkhead-file"] is True
    assert schema["properties"]["mask"]["anyOf"][1] == {"type": "null"}
    assert spec.output_schema is not None
    assert set(spec.output_schema["$defs"]) == {"Counted", "Box"}


def test_a_file_comes_with_its_name_and_size(case: Case, tmp_path: Path) -> None:
    (tmp_path / "upload-17").write_bytes(b"frames")
    outcome = case.run(
        case.source(TRACKER, before=TYPES),
        input={"video": {"upload": "17"}, "max_frames": 5, "mode": "good"},
        files={"video": sandbox.FileInput(path=tmp_path / "upload-17", name="street.mp4")},
    )
    assert outcome.report.status is Status.SUCCEEDED, outcome.report
    assert outcome.report.result["total"] == 5
    assert outcome.data("log") == [
        {"level": "warning", "message": "street.mp4 6 b'frames' None good"}
    ]


def test_a_file_goes_wherever_a_path_goes(case: Case, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"frames")
    code = """
    @tool
    def go(self, run, video: File):
        with open(video, "rb") as content:
            read = content.read()
        return [read == video.path.read_bytes(), os.path.getsize(video), video.path.suffix]
    """
    files = {"video": sandbox.FileInput(path=film, name="film.mp4")}
    source = case.source(textwrap.dedent(code))
    outcome = case.run(source, input={"video": {"upload": "1"}}, files=files)
    assert outcome.report.result == [True, 6, ".mp4"], outcome.report.problem


def test_an_input_file_cannot_be_written_moved_or_removed(case: Case, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_text("frames")
    plugin = case.source(
        """
        @tool
        def go(self, video: File) -> int:
            refused = 0
            for attempt in (
                lambda: open(video.path, "a"),
                lambda: os.unlink(video.path),
                lambda: os.rename(video.path, "mine"),
                lambda: os.truncate(video.path, 0),
            ):
                try:
                    attempt()
                except OSError:
                    refused += 1
            return refused
        """
    )
    file = sandbox.FileInput(path=upload, name="upload")
    outcome = case.run(plugin, input={"video": {"upload": "1"}}, files={"video": file})
    assert outcome.report.result == 4
    assert upload.read_text() == "frames"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_frames": -1}, "max_frames"),
        ({"max_frames": "many"}, "max_frames"),
        ({"mode": "slow"}, "mode"),
        ({"stray": 1}, "stray"),
        ({"video": {"upload": "1"}}, "no file came"),
    ],
)
def test_input_that_does_not_fit_is_rejected(
    case: Case, tmp_path: Path, values: dict[str, Any], words: str
) -> None:
    (tmp_path / "file").write_text("x")
    files = {"video": sandbox.FileInput(path=tmp_path / "file", name="x")}
    given = {} if "video" in values else files
    outcome = case.run(
        case.source(TRACKER, before=TYPES), input={"video": {"upload": "1"}} | values, files=given
    )
    assert outcome.report.status is Status.REJECTED
    assert words in outcome.message


def test_a_bare_tool_has_its_name_and_docstring_as_words(case: Case) -> None:
    spec = _spec(case, '@tool\ndef count_all(self) -> None:\n    """Count."""')
    assert (spec.title, spec.description, spec.streams) == ("Count all", "Count.", False)
    assert spec.output_schema == {"type": "null"}


def test_numpy_results_and_events_become_plain_json(case: Case) -> None:
    outcome = case.run(
        """
        import numpy as np
        run.emit("boxes", {"box": np.array([1, 2]), "score": np.float32(0.5)})
        run.progress(np.int64(1), np.int64(2))
        return {"mean": np.float64(1.5), "all": np.arange(3), "deep": [{"x": np.bool_(True)}]}
        """
    )
    assert outcome.report.result == {"mean": 1.5, "all": [0, 1, 2], "deep": [{"x": True}]}
    assert outcome.data("boxes") == [{"box": [1, 2], "score": 0.5}]
    assert outcome.data("progress") == [{"done": 1, "total": 2}]


def test_a_preview_reaches_the_watcher_packed(case: Case) -> None:
    outcome = case.run("run.preview(b'\\xff\\xd8 jpeg', frame=7, time=0.25)")
    assert outcome.previews == (
        b"BHPV" + bytes(4) + (7).to_bytes(8, "big") + b"\x3f\xd0" + bytes(6) + b"\xff\xd8 jpeg",
    )
    assert outcome.events == ()


def test_a_preview_that_is_no_picture_is_refused(case: Case) -> None:
    assert "a preview is a JPEG" in case.run("run.preview(b'png')").message


def test_previews_faster_than_the_eye_are_skipped(case: Case) -> None:
    outcome = case.run("for n in range(10_000): run.preview(b'\\xff\\xd8', frame=n)")
    assert 1 <= len(outcome.previews) < 100


def test_the_environment_holds_nothing_of_the_workers(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKHEAD_SECRET_KEY", "secret")
    outcome = case.run("return dict(os.environ)")
    assert set(outcome.report.result) == {"SANDBOX_RUN", "HOME", "LANG", "PATH", "TMPDIR"}
    assert outcome.report.result["HOME"] == str(outcome.scratch)


def test_temporary_files_land_in_the_scratch_folder(case: Case) -> None:
    outcome = case.run("import tempfile; return [tempfile.mkdtemp(), os.getcwd()]")
    temporary, here = outcome.report.result
    assert temporary.startswith(str(outcome.scratch / "tmp"))
    assert here == str(outcome.scratch)


def test_a_dataclass_result_is_held_to_its_fields(case: Case) -> None:
    types = """
        from dataclasses import dataclass
        @dataclass
        class Answer:
            number: int
    """
    code = "@tool\ndef go(self) -> Answer:\n    return Answer({})"
    assert case.run(case.source(code.format(3), before=types)).report.result == {"number": 3}
    assert case.run(case.source(code.format("'x'"), before=types)).code == "bad_result"


def test_mutable_defaults_are_not_shared_and_are_in_the_schema(case: Case) -> None:
    spec = _spec(case, "@tool\ndef go(self, labels: list[str] = ['a']) -> None: ...")
    assert spec.input_schema["properties"]["labels"]["default"] == ["a"]


def test_the_tools_of_an_author_can_be_tested_without_a_sandbox(tmp_path: Path) -> None:
    from collections.abc import Mapping

    from sandbox.sdk import Plugin, Run, tool

    class Heard:
        def __init__(self) -> None:
            self.events: list[tuple[str, Mapping[str, Any]]] = []

        def emit(self, kind: str, data: Mapping[str, Any]) -> None:
            self.events.append((kind, data))

        def progress(self, done: float, total: float | None) -> None: ...
        def preview(self, jpeg: bytes, frame: int, time: float) -> None: ...
        def log(self, message: str, level: str) -> None: ...
        def artifact(self, name: str) -> Path:
            return tmp_path / name

    class Mine(Plugin):
        def validate(self) -> None: ...

        @tool
        def go(self, run: Run) -> None:
            run.emit("seen", {"n": 1})

    heard = Heard()
    Mine().go(Run(heard))
    assert heard.events == [("seen", {"n": 1})]
