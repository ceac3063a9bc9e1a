"""The API as its clients have it: on a real daphne."""

import hashlib
import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from plugins_app.actors import Actor
from plugins_app.lifecycle import State
from plugins_app.models import Artifact, Plugin, Run, Transition, Upload
from plugins_app.services import catalog
from tests.serving.conftest import Server

Token = Callable[..., dict[str, str]]
MEGABYTE = 1 << 20
CODE = "from sandbox.sdk import Plugin\nclass Counter(Plugin):\n    def validate(self): pass\n"


def test_of_twenty_restarts_at_once_exactly_one_is_accepted(
    serve: Callable[..., Server], token: Token, write_plugin: Callable[..., Path]
) -> None:
    catalog.scan(folders=[write_plugin("counter", CODE)], actor=Actor(name="ann"))
    Plugin.objects.update(state=State.FAILED, generation=99)
    server, headers = serve(), token("Manager")

    def restart(number: int) -> Any:
        body = json.dumps({"reason": f"try {number}"})
        path = "/api/v1/plugins/counter/restart/"
        return server.ask("POST", path, body, Content_Type="application/json", **headers)

    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(restart, range(20)))
    assert Counter(answer.status for answer in answers) == {202: 1, 409: 19}
    codes = {json.loads(answer.body)["code"] for answer in answers if answer.status == 409}
    assert codes <= {"stale_state", "illegal_transition"}
    assert Transition.objects.filter(code="restarted").count() == 1


def test_a_large_upload_never_comes_into_memory(serve: Callable[..., Server], token: Token) -> None:
    server, headers = serve(), token("Operator")
    server.ask("GET", "/api/v1/schema/", **headers)
    before = server.peak_bytes()
    kind = "multipart/form-data; boundary=edge"
    answer = server.ask("POST", "/api/v1/uploads/", _form(200), Content_Type=kind, **headers)
    assert answer.status == 201, answer.body
    assert json.loads(answer.body)["size"] == 200 * MEGABYTE
    assert Upload.objects.get().file.size == 200 * MEGABYTE
    assert server.peak_bytes() - before < 60 * MEGABYTE


def test_an_artifact_is_fetched_in_parts_and_kept_open_by_nobody(
    serve: Callable[..., Server], token: Token
) -> None:
    content = bytes(range(256)) * 4096 * 4
    path = _artifact(content)
    server, headers = serve(), token("Viewer")
    whole = server.ask("GET", path, **headers)
    assert (whole.status, whole.body) == (200, content)
    part = server.ask("GET", path, Range="bytes=1000-1999999", **headers)
    assert (part.status, part.body) == (206, content[1000:2000000])
    client = server.connect()
    client.request("GET", path, headers=headers)
    response = client.getresponse()
    response.read(10)
    response.close()
    client.close()
    head = server.ask("HEAD", path, **headers)
    assert (head.headers["Content-Length"], head.body) == (str(len(content)), b"")
    files = Path(f"/proc/{server.process.pid}/fd").iterdir()
    assert not [file for file in files if "artifacts" in str(file.resolve())]


def test_static_files_come_from_the_same_server(serve: Callable[..., Server]) -> None:
    path = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css"
    answer = serve().ask("GET", path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, 'text/css; charset="utf-8"')
    assert len(answer.body) == int(answer.headers["Content-Length"])


def test_a_client_cannot_move_the_addresses(serve: Callable[..., Server], token: Token) -> None:
    headers = token("Viewer") | {"Daphne-Root-Path": "/elsewhere\xff"}
    answer = serve().ask("GET", "/api/v1/nosuch/", **headers)
    assert json.loads(answer.body)["instance"] == "/api/v1/nosuch/"


def test_a_body_over_the_limit_is_refused_and_never_fills_the_disk(
    serve: Callable[..., Server], token: Token, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    server = serve(BULKHEAD_MAX_UPLOAD_MB="1", TMPDIR=str(spool))
    headers = token("Operator")
    kind = "multipart/form-data; boundary=edge"
    answer = server.ask("POST", "/api/v1/uploads/", _form(100), Content_Type=kind, **headers)
    assert answer.status == 413
    assert json.loads(answer.body)["code"] == "too_large"
    written = Path(f"/proc/{server.process.pid}/io").read_text().split("write_bytes: ")[1]
    assert int(written.split()[0]) < 30 * MEGABYTE
    assert server.ask("POST", "/api/v1/auth/login/", bytes(2 * MEGABYTE)).status == 415


def test_a_method_that_is_no_word_is_the_clients_fault(serve: Callable[..., Server]) -> None:
    with socket.create_connection(("127.0.0.1", serve().port), timeout=10) as line:
        line.sendall(b"G\xff\xfeT /api/v1/plugins/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_form_of_another_size_than_announced_is_no_fault_of_ours(
    serve: Callable[..., Server], token: Token
) -> None:
    server, headers = serve(), token("Operator")
    body = b"--edge\r\nContent-Disposition: form-data"
    kind = "multipart/form-data; boundary=edge"
    answer = server.ask("POST", "/api/v1/uploads/", body, Content_Type=kind, **headers)
    assert answer.status == 400
    assert json.loads(answer.body)["code"] in ("malformed", "invalid_input")


def _artifact(content: bytes) -> str:
    plugin = Plugin.objects.create(name="counter", version="1", folder="x", digest="x")
    run = Run.objects.create(
        plugin=plugin, plugin_version="1", tool="count", actor="ann", via="api", status="succeeded"
    )
    name = default_storage.save(f"artifacts/{run.pk}/video.bin", ContentFile(content))
    digest = hashlib.sha256(content).hexdigest()
    Artifact.objects.create(run=run, name="video.bin", size=len(content), sha256=digest, file=name)
    return f"/api/v1/runs/{run.pk}/artifacts/video.bin"


def _form(megabytes: int) -> Iterator[bytes]:
    yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
    for _number in range(megabytes):
        yield bytes(MEGABYTE)
    yield b"\r\n--edge--\r\n"
