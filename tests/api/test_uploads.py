"""Files given over HTTP."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files import File
from django.core.files.storage import Storage
from django.core.files.uploadedfile import SimpleUploadedFile

from plugins_app.models import AuditEntry, Plugin, Upload
from tests.api.conftest import Caller
from tests.api.problems import assert_problem

BOUNDARY = "----form"


def _send(caller: Caller, content: bytes = b"frames", name: str = "a.mp4", **headers: str) -> Any:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return caller.client.post(
        "/api/v1/uploads/",
        {"file": SimpleUploadedFile(name, content)},
        headers=caller.headers | named,
    )


def test_an_upload_is_stored_with_its_digest(operator: Caller) -> None:
    response = _send(operator, b"frames" * 1000)
    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"id", "name", "size", "sha256"}
    assert (body["name"], body["size"]) == ("a.mp4", 6000)
    assert body["sha256"] == hashlib.sha256(b"frames" * 1000).hexdigest()
    with Upload.objects.get(pk=body["id"]).file.open() as stored:
        assert stored.read() == b"frames" * 1000
    assert AuditEntry.objects.get(action="upload.stored").actor == "operator"


def test_an_upload_is_an_input_of_a_run(operator: Caller, counter: Plugin) -> None:
    upload = _send(operator).json()
    run = operator.post("plugins/counter/tools/count/run/", {"video": {"upload": upload["id"]}})
    assert run.status_code == 202
    assert run.json()["files"] == [
        {
            "field": "video",
            "upload": upload["id"],
            "name": "a.mp4",
            "size": 6,
            "sha256": upload["sha256"],
        }
    ]


def test_an_upload_that_is_not_there_is_named(operator: Caller, counter: Plugin) -> None:
    run = operator.post("plugins/counter/tools/count/run/", {"video": {"upload": "nosuch"}})
    body = assert_problem(run, 400, "invalid_input")
    assert body["errors"][0]["pointer"] == "/video/upload"


def test_a_file_over_the_limit_is_refused_and_not_kept(operator: Caller, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    assert_problem(_send(operator, bytes(1001)), 413, "too_large")
    assert not Upload.objects.exists()
    assert _send(operator, bytes(1000)).status_code == 201


def test_a_request_far_over_the_limit_is_refused_by_its_length(
    operator: Caller, settings: Any
) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    assert_problem(_send(operator, bytes(2 << 20)), 413, "too_large")


def test_a_form_without_a_file_names_the_part(operator: Caller) -> None:
    response = operator.client.post("/api/v1/uploads/", {"other": "x"}, headers=operator.headers)
    assert assert_problem(response, 400, "invalid_input")["errors"][0]["pointer"] == "/file"


def test_an_empty_file_is_refused(operator: Caller) -> None:
    assert_problem(_send(operator, b""), 400, "invalid_input")


def test_anything_but_a_form_is_refused(operator: Caller) -> None:
    assert_problem(operator.post("uploads/", {"file": "x"}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        (f"multipart/form-data; boundary={BOUNDARY}", b""),
        (f"multipart/form-data; boundary={BOUNDARY}", b"\x00\xff garbage"),
        (f"multipart/form-data; boundary={BOUNDARY}", f"--{BOUNDARY}\r\nContent-".encode()),
        (f"multipart/form-data; boundary={'x' * 300}", b"--x"),
        (
            f"multipart/form-data; boundary={BOUNDARY}",
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n'.encode(),
        ),
    ],
)
def test_a_broken_form_is_a_bad_request(operator: Caller, content_type: str, body: bytes) -> None:
    response = operator.client.generic(
        "POST", "/api/v1/uploads/", data=body, content_type=content_type, headers=operator.headers
    )
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\x00b.mp4", "ü" * 300 + ".mp4", "C:\\x\\y.mp4"]
)
def test_a_hostile_name_stays_a_name(operator: Caller, name: str) -> None:
    response = _send(operator, name=name)
    assert response.status_code in (201, 400), response.content
    if response.status_code == 201:
        kept = response.json()["name"]
        assert "/" not in kept
        assert "\\" not in kept
        assert "\x00" not in kept
        assert len(kept) <= 255


class FullDisk(Storage):
    """Every write fails as the system lets it fail when no room is left."""

    def _save(self, name: str, content: File) -> str:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.writelines(content.chunks())
        return name

    def exists(self, name: str) -> bool:
        return False

    def delete(self, name: str) -> None:
        """Nothing was written."""


def test_a_full_disk_is_told_as_such(operator: Caller, settings: Any) -> None:
    full = {"BACKEND": f"{FullDisk.__module__}.{FullDisk.__qualname__}"}
    settings.STORAGES = settings.STORAGES | {"default": full}
    response = _send(operator)
    assert "disk is full" in assert_problem(response, 503, "storage_full")["detail"]
    assert response["Retry-After"]
    assert not Upload.objects.exists()
