"""What a run left: its events and its files."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from plugins_app.api import weighing
from plugins_app.models import Artifact, Run, RunEvent
from tests.api.conftest import Caller
from tests.api.problems import assert_problem

CONTENT = bytes(range(256)) * 40
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    run = make_run(status="succeeded", event_count=5)
    RunEvent.objects.bulk_create(
        RunEvent(run=run, seq=seq, at=timezone.now(), kind="log", data={"n": seq})
        for seq in range(1, 6)
    )
    return run


@pytest.fixture
def file(run: Run) -> str:
    name = default_storage.save(f"artifacts/{run.pk}/video.bin", ContentFile(CONTENT))
    Artifact.objects.create(run=run, name="video.bin", size=len(CONTENT), sha256=DIGEST, file=name)
    return f"runs/{run.pk}/artifacts/video.bin"


def _body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_events_come_in_order_from_the_first(viewer: Caller, run: Run) -> None:
    page = viewer.get(f"runs/{run.pk}/events/").json()
    assert set(page) == {"events", "last_seq", "status"}
    assert (page["last_seq"], page["status"]) == (5, "succeeded")
    assert [event["seq"] for event in page["events"]] == [1, 2, 3, 4, 5]
    assert set(page["events"][0]) == {"seq", "at", "kind", "data"}
    assert page["events"][0]["data"] == {"n": 1}


def test_events_are_read_on_from_where_one_was(viewer: Caller, run: Run) -> None:
    page = viewer.get(f"runs/{run.pk}/events/?after=2&limit=2").json()
    assert [event["seq"] for event in page["events"]] == [3, 4]
    assert viewer.get(f"runs/{run.pk}/events/?after=5").json()["events"] == []


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", "after=99999999999999999999", "limit=0", "limit=%00", "after=1e3"],
)
def test_a_place_that_cannot_be_is_refused(viewer: Caller, run: Run, query: str) -> None:
    assert_problem(viewer.get(f"runs/{run.pk}/events/?{query}"), 400, "invalid_input")


@pytest.mark.django_db(transaction=True)
def test_events_cost_the_same_however_many_there_are(
    viewer: Caller, run: Run, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(6):
        viewer.get(f"runs/{run.pk}/events/")


def test_fewer_events_come_at_once_when_they_are_large(
    viewer: Caller, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighing, "MOST_CHARACTERS", 2500)
    RunEvent.objects.update(data={"text": "x" * 1000})
    seen: list[int] = []
    while len(seen) < 5:
        after = seen[-1] if seen else 0
        page = viewer.get(f"runs/{run.pk}/events/?after={after}").json()
        assert 1 <= len(page["events"]) <= 2
        seen += [event["seq"] for event in page["events"]]
    assert seen == [1, 2, 3, 4, 5]


def test_artifacts_are_listed_with_size_and_digest(viewer: Caller, run: Run, file: str) -> None:
    listed = viewer.get(f"runs/{run.pk}/artifacts/").json()
    assert listed == [{"name": "video.bin", "size": len(CONTENT), "sha256": DIGEST}]


@pytest.mark.django_db(transaction=True)
def test_the_list_of_artifacts_costs_the_same_however_many_there_are(
    viewer: Caller, run: Run, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        Artifact.objects.create(run=run, name=f"{number}", size=1, sha256=DIGEST, file="x")
    with django_assert_max_num_queries(5):
        assert len(viewer.get(f"runs/{run.pk}/artifacts/").json()) == 20


def test_an_artifact_comes_whole_and_is_never_shown_as_ours(viewer: Caller, file: str) -> None:
    response = viewer.get(file)
    assert response.status_code == 200
    assert _body(response) == CONTENT
    assert response["Content-Length"] == str(len(CONTENT))
    assert response["ETag"] == f'"{DIGEST}"'
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Disposition"] == 'attachment; filename="video.bin"'
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10000-", 10000, 10240),
        ("bytes=-100", 10140, 10240),
        ("bytes=-99999", 0, 10240),
        ("bytes=10239-99999", 10239, 10240),
    ],
)
def test_a_range_comes_alone(viewer: Caller, file: str, asked: str, start: int, stop: int) -> None:
    response = viewer.get(file, Range=asked)
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {start}-{stop - 1}/10240"
    assert response["Content-Length"] == str(stop - start)
    assert _body(response) == CONTENT[start:stop]


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=99999999999-", "bytes=-0"])
def test_a_range_outside_the_file_is_told_its_size(viewer: Caller, file: str, asked: str) -> None:
    response = viewer.get(file, Range=asked)
    assert_problem(response, 416, "range_not_satisfiable")
    assert response["Content-Range"] == "bytes */10240"


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "bytes=x-y", "bytes=-", "bytes=" + "9" * 50 + "-"],
)
def test_a_range_that_is_none_is_ignored(viewer: Caller, file: str, asked: str) -> None:
    response = viewer.get(file, Range=asked)
    assert response.status_code == 200
    assert _body(response) == CONTENT


def test_a_range_of_another_version_is_the_whole_file(viewer: Caller, file: str) -> None:
    response = viewer.get(file, Range="bytes=0-1", If_Range='"other"')
    assert response.status_code == 200
    assert _body(response) == CONTENT
    assert viewer.get(file, Range="bytes=0-1", If_Range=f'"{DIGEST}"').status_code == 206


def test_a_file_that_the_client_has_is_not_sent_again(viewer: Caller, file: str) -> None:
    assert viewer.get(file, If_None_Match=f'"{DIGEST}"').status_code == 304


def test_head_tells_the_size(viewer: Caller, file: str) -> None:
    response = viewer("HEAD", file)
    assert (response.status_code, response["Content-Length"]) == (200, str(len(CONTENT)))


@pytest.mark.parametrize("name", ["nosuch", "..", "%2e%2e%2fsecret", "%00", "video.bin%00"])
def test_what_a_run_did_not_leave_is_not_found(
    viewer: Caller, run: Run, file: str, name: str
) -> None:
    assert_problem(viewer.get(f"runs/{run.pk}/artifacts/{name}"), 404, "not_found")


def test_a_file_that_left_the_storage_is_not_found(viewer: Caller, file: str) -> None:
    default_storage.delete(Artifact.objects.get().file.name)
    assert_problem(viewer.get(file), 404, "not_found")
