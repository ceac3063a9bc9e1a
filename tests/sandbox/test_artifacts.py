"""Files a run leaves: what it wrote itself, and nothing that a link or a name leads to."""

import os
from pathlib import Path

import pytest

from sandbox import Status
from tests.sandbox.conftest import Case


def test_a_file_written_is_kept_and_announced(case: Case) -> None:
    outcome = case.run("run.artifact('out.json').write_text('{}'); return 1")
    (artifact,) = outcome.report.artifacts
    assert (artifact.name, artifact.size) == ("out.json", 2)
    assert artifact.path.read_text() == "{}"
    assert outcome.data("artifact") == [{"name": "out.json", "size": 2}]


def test_artifacts_of_a_run_that_fails_are_kept_too(case: Case) -> None:
    outcome = case.run("run.artifact('part.txt').write_text('half'); os._exit(3)")
    assert [artifact.name for artifact in outcome.report.artifacts] == ["part.txt"]


@pytest.mark.parametrize(
    "name", ["../out", "/etc/passwd", "", ".", "..", ".hidden", "a/b", "a\\0", "x" * 201]
)
def test_a_name_that_is_no_plain_file_name_is_refused(case: Case, name: str) -> None:
    outcome = case.run(f"run.artifact('{name}')")
    assert outcome.report.status is Status.FAILED
    assert outcome.report.artifacts == ()


TRICKS = {
    "symbolic link": "os.symlink('/etc/passwd', path)",
    "hard link": "open('twin', 'w').write('x'); os.link('twin', path)",
    "never written": "pass",
    "no regular file": "os.mkfifo(path)",
    "regular file": "os.mkdir(path)",
}


@pytest.mark.parametrize("reason", TRICKS)
def test_a_trick_gets_no_file_out(case: Case, reason: str) -> None:
    outcome = case.run(f"path = run.artifact('trick')\n{TRICKS[reason]}\nreturn 1")
    assert outcome.report.status is Status.SUCCEEDED
    assert outcome.report.artifacts == ()
    assert reason in outcome.log[-1]


WAYS_IN = {
    "a descriptor": "os.symlink(f'/proc/self/fd/{secret}', path)",
    "a name for a descriptor": "os.link(f'/proc/self/fd/{secret}', path, follow_symlinks=True)",
    "its parents": "os.symlink('../' * 20 + 'etc/passwd', path)",
    "a hard link": "os.link('/etc/passwd', path)",
    "a move": "os.rename('/etc/passwd', path)",
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_no_file_of_others_becomes_an_artifact_by(case: Case, way: str) -> None:
    outcome = case.run(
        f"""
        path = run.artifact("trick")
        secret = os.open("/etc/passwd", os.O_RDONLY)
        try:
            {WAYS_IN[way]}
        except OSError:
            pass
        return 1
        """
    )
    assert outcome.report.result == 1
    assert outcome.report.artifacts == ()
    assert "was not kept" in outcome.log[-1]
    assert Path("/etc/passwd").stat().st_nlink == 1


def test_a_folder_replaced_by_a_link_gets_no_file_out(case: Case, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "out").write_text("secret")
    outcome = case.run(
        f"""
        run.artifact("out")
        os.rmdir(os.path.join(os.environ["HOME"], "artifacts"))
        os.symlink({str(secret)!r}, os.path.join(os.environ["HOME"], "artifacts"))
        """
    )
    assert outcome.report.artifacts == ()
    assert "replaced" in outcome.log[-1]


def test_a_run_that_writes_too_much_is_killed_for_it(case: Case) -> None:
    outcome = case.run(
        """
        for number in range(100):
            with open(f"block-{number}", "wb") as file:
                file.write(bytes(1 << 20))
        time.sleep(20)
        """,
        limits={"scratch_bytes": 8 << 20},
    )
    assert outcome.report.status is Status.FAILED
    assert outcome.code == "scratch_exceeded"


def test_one_file_cannot_pass_the_scratch_limit(case: Case) -> None:
    outcome = case.run(
        "open('large', 'wb').write(bytes(16 << 20))", limits={"scratch_bytes": 8 << 20}
    )
    assert outcome.report.status is Status.FAILED
    assert os.path.getsize(outcome.scratch / "large") <= 8 << 20
