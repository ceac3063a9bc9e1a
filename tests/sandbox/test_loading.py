"""From a folder to a plugin that is ready, or to a reason that helps."""

import time

import pytest

import sandbox
from sandbox import Stage
from tests.sandbox.conftest import HEAD, Case

TOOL = "@tool\ndef go(self) -> int:\n    return 1\n"


def test_a_good_plugin_is_initialized_with_its_tools(case: Case) -> None:
    report = case.load(case.source(TOOL))
    assert report.stage is Stage.INITIALIZED
    assert report.problem is None
    assert [tool.name for tool in report.tools] == ["go"]
    assert report.guards


IMPORTS = {
    "a syntax error": (
        "def broken(:\n",
        "import_failed",
        "SyntaxError",
        "Correct line 1 of case.py",
    ),
    "a name error": ("nonsense\n", "import_failed", "NameError", "Correct it"),
    "a missing module": (
        "import not_there\n",
        "import_failed",
        "No module named 'not_there'",
        "Install 'not_there'",
    ),
    "sys.exit": ("import sys; sys.exit(1)\n", "import_failed", "SystemExit", "Correct it"),
    "os._exit": (
        "import os; os._exit(4)\n",
        "load_crashed",
        "exit code 4",
        "while it was starting",
    ),
    "a segfault": ("import ctypes; ctypes.string_at(0)\n", "load_crashed", "SIGSEGV", "starting"),
    "no such class": ("Other = 1\n", "bad_entrypoint", "no class 'Case'", "Correct plugin.toml"),
    "a class that is no plugin": ("class Case: pass\n", "bad_entrypoint", "extends", "Correct"),
}


@pytest.mark.parametrize("what", IMPORTS)
def test_an_import_with(case: Case, what: str) -> None:
    code, problem, why, what_to_do = IMPORTS[what]
    report = case.load(case.source(code, whole=True))
    assert report.stage is None
    assert report.problem is not None
    assert report.problem.code == problem
    assert why in report.problem.message
    assert what_to_do in report.problem.message


def test_an_import_that_hangs_ends_at_the_limit(case: Case) -> None:
    started = time.monotonic()
    report = case.load(case.source("import time; time.sleep(60)", whole=True), timeout_seconds=0.5)
    assert report.problem is not None
    assert report.problem.code == "load_timed_out"
    assert time.monotonic() - started < 2.5


def test_a_start_that_takes_too_much_memory_is_told_as_that(case: Case) -> None:
    code = TOOL + "def init(self):\n    self.block = bytearray(1 << 30)"
    report = case.load(case.source(code), memory_bytes=128 << 20)
    assert report.stage is Stage.IMPORTED
    assert report.problem is not None
    assert report.problem.code == "load_memory_exceeded"


def test_the_root_cause_of_a_chained_import_error_is_named(case: Case) -> None:
    source = case.source("import outer\n", whole=True)
    (source.folder / "outer.py").write_text(
        "try:\n    import inner\nexcept ImportError as error:\n"
        "    raise RuntimeError('outer cannot start') from error\n"
    )
    (source.folder / "inner.py").write_text("import absent_library\n")
    problem = case.load(source).problem
    assert problem is not None
    assert "RuntimeError: outer cannot start" in problem.message
    assert "caused by ModuleNotFoundError: No module named 'absent_library'" in problem.message
    assert "Install 'absent_library'" in problem.message


@pytest.mark.parametrize(
    ("entrypoint", "words"),
    [
        ("nowhere:Case", "no module 'nowhere'"),
        ("case", "not of the form"),
        ("case:", "not of the form"),
        ("json:JSONDecoder", "not the plugin's own"),
    ],
)
def test_an_entrypoint_that_leads_nowhere(case: Case, entrypoint: str, words: str) -> None:
    problem = case.load(case.source(TOOL, entrypoint=entrypoint)).problem
    assert problem is not None
    assert problem.code == "bad_entrypoint"
    assert words in problem.message


def test_a_plugin_without_validate_is_told_to_write_one(case: Case) -> None:
    code = (
        "from sandbox.sdk import *\nclass Case(Plugin):\n    @tool\n    def go(self) -> int: ...\n"
    )
    problem = case.load(case.source(code, whole=True)).problem
    assert problem is not None
    assert problem.code == "no_validate"


def test_a_plugin_without_tools_is_told_to_mark_one(case: Case) -> None:
    problem = case.load(case.source("def go(self) -> int:\n    return 1")).problem
    assert problem is not None
    assert problem.code == "no_tools"


@pytest.mark.parametrize(
    ("step", "code"), [("init", "init_failed"), ("validate", "validate_failed")]
)
def test_a_step_that_raises_is_named_with_its_cause(case: Case, step: str, code: str) -> None:
    body = f"{TOOL}def {step}(self):\n    raise OSError('weights are corrupt')"
    report = case.load(case.source(body))
    assert report.stage is Stage.IMPORTED
    assert [tool.name for tool in report.tools] == ["go"]
    assert report.problem is not None
    assert report.problem.code == code
    assert "weights are corrupt" in report.problem.message
    assert "case.py" in report.problem.traceback


BAD_TOOLS = {
    "no annotation": ("def go(self, x) -> int: ...", "annotate `x`"),
    "star arguments": ("def go(self, *x: int) -> int: ...", "must each have a name"),
    "keyword arguments": ("def go(self, **x: int) -> int: ...", "must each have a name"),
    "an unknown name": ("def go(self, x: 'Unknown') -> int: ...", "cannot be read"),
    "no self": ("def go() -> int: ...", "first parameter is `self`"),
    "async": ("async def go(self) -> int: ...", "plain method"),
    "yields": ("def go(self) -> int:\n    yield 1", "plain method"),
    "a type without schema": ("def go(self, x: threading.Thread) -> int: ...", "JSON Schema"),
    "files in a list": ("def go(self, x: list[File]) -> int: ...", "JSON Schema"),
}


@pytest.mark.parametrize("what", BAD_TOOLS)
def test_a_malformed_tool_is_named_with_what_to_change(case: Case, what: str) -> None:
    code, words = BAD_TOOLS[what]
    report = case.load(case.source("@tool\n" + code))
    assert report.problem is not None, report.tools
    assert report.problem.code == "bad_tool"
    assert words in report.problem.message


def test_a_missing_package_makes_it_unavailable_and_is_no_fault_of_its_code(case: Case) -> None:
    requires = sandbox.Requirements(packages=("no-such-package>=1", "numpy"))
    source = case.source("import no_such_package", whole=True, requires=requires)
    report = case.load(source)
    assert [problem.code for problem in report.unavailable] == ["package_missing"]
    assert report.problem is None


def test_what_is_unmet_does_not_hide_the_tools(case: Case) -> None:
    requires = sandbox.Requirements(models=(sandbox.ModelFile(name="net", path="net.pt"),))
    report = case.load(case.source(TOOL, requires=requires))
    assert [problem.code for problem in report.unavailable] == ["model_missing"]
    assert report.stage is Stage.IMPORTED
    assert [tool.name for tool in report.tools] == ["go"]
    assert report.problem is None


def test_a_fault_of_its_own_is_told_beside_what_is_unmet(case: Case) -> None:
    requires = sandbox.Requirements(packages=("no-such-package",))
    source = case.source("def broken(:", whole=True, requires=requires)
    assert case.load(source).unavailable


def test_without_a_gpu_a_plugin_that_needs_one_is_unavailable(
    case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    report = case.load(case.source(TOOL, requires=sandbox.Requirements(gpu=True)))
    if report.unavailable[0].code != "gpu_absent":
        pytest.skip("this machine has a GPU")
    assert "no GPU" in report.unavailable[0].message


def test_config_and_folder_are_there_from_the_first_line(case: Case) -> None:
    source = case.source(
        """
        def __init__(self, **anything):
            self.first = (self.config["step"], self.folder.name)
        @tool
        def go(self) -> list:
            return [*self.first, self.config["step"]]
        """,
        config={"step": 3},
    )
    assert case.run(source).report.result == [3, source.folder.name, 3]


def test_a_plugin_may_be_a_package_of_several_modules(case: Case) -> None:
    source = case.source("", whole=True, entrypoint="pack.inside:Case")
    pack = source.folder / "pack"
    pack.mkdir()
    (pack / "__init__.py").write_text("from .inside import Case\n")
    (pack / "inside.py").write_text(
        HEAD + "    @tool\n    def go(self) -> int:\n        return 7\n"
    )
    assert case.run(source).report.result == 7


def test_nothing_is_written_into_the_plugins_folder(case: Case) -> None:
    source = case.source(TOOL)
    case.run(source)
    assert [path.name for path in source.folder.iterdir()] == ["case.py"]
