"""What the console's tests share: plugins in chosen states, runs, and logged-in visitors."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from plugins_app.lifecycle import RunStatus, State, Via
from plugins_app.models import Artifact, Plugin, Run, RunEvent, Worker

TOOL = {
    "name": "say",
    "title": "Say",
    "description": "Gives a text back.",
    "streams": False,
    "input_schema": {
        "type": "object",
        "properties": {
            "text": {"type": "string", "title": "Text"},
            "times": {"type": "integer", "default": 1},
            "loud": {"type": "boolean", "default": False},
        },
        "required": ["text"],
        "additionalProperties": False,
    },
    "output_schema": {"type": "object"},
    "file_fields": [],
}
LIMITS = {
    "timeout_seconds": {"value": 60, "source": "global"},
    "memory_mb": {"value": 1024, "source": "manifest"},
    "max_concurrent_runs": {"value": 4, "source": "global"},
}
MANIFEST = {
    "name": "echo",
    "version": "1.0.0",
    "description": "",
    "entrypoint": "echo:Echo",
    "requires": {"gpu": False, "packages": []},
    "models": {},
    "limits": {"memory_mb": 1024},
    "permissions": {"network": False},
    "config": {
        "greeting": {
            "default": "hello",
            "title": "Greeting",
            "description": "",
            "type": "string",
            "secret": False,
        },
        "key": {"default": None, "title": "", "description": "", "type": "string", "secret": True},
    },
    "runtime": {"reuse": 1},
}


@pytest.fixture
def make_plugin(db: None, tmp_path: Any) -> Callable[..., Plugin]:
    def make(name: str = "echo", state: State = State.INITIALIZED, **fields: Any) -> Plugin:
        facts = {"version": "1.0.0", "folder": str(tmp_path / name), "manifest": MANIFEST}
        return Plugin.objects.create(
            name=name, state=state, generation=1, **{**facts, "tools": [TOOL], **fields}
        )

    return make


@pytest.fixture
def make_run(db: None) -> Callable[..., Run]:
    def make(plugin: Plugin, status: RunStatus = RunStatus.SUCCEEDED, **fields: Any) -> Run:
        now = timezone.now()
        facts = {
            "plugin_version": "1.0.0",
            "tool": "say",
            "input": {"text": "ahoy"},
            "actor": "ann",
            "via": Via.API,
            "limits": LIMITS,
        }
        if RunStatus(status).is_final:
            facts |= {
                "started_at": now - timedelta(seconds=2),
                "finished_at": now,
                "wall_seconds": 1.5,
                "peak_memory_bytes": 40 << 20,
                "result": {"text": "ahoy"},
            }
        return Run.objects.create(plugin=plugin, status=status, **{**facts, **fields})

    return make


@pytest.fixture
def visit(make_user: Callable[..., Any]) -> Callable[..., Client]:
    """Return a maker of clients, each logged in as somebody with the roles named."""

    def visit(*roles: str, **fields: Any) -> Client:
        # Strict about CSRF, as browsers' requests are treated; `post` below brings the token.
        client = Client()
        user = make_user(f"visitor-{uuid.uuid4().hex[:8]}", *roles, is_staff=True, **fields)
        client.force_login(user)
        client.user = user
        return client

    return visit


@pytest.fixture
def superuser(visit: Callable[..., Client]) -> Client:
    return visit(is_superuser=True)


@pytest.fixture
def populated(make_plugin: Callable[..., Plugin], make_run: Callable[..., Run]) -> Run:
    """One of everything; return its run."""
    plugin = make_plugin()
    run = make_run(plugin)
    RunEvent.objects.create(run=run, seq=1, at=timezone.now(), kind="log", data={"message": "hi"})
    Artifact.objects.create(run=run, name="out.json", size=3, sha256="ab" * 32, file="x")
    plugin.transitions.create(seq=1, to_state=State.LOADED, code="registered", actor="platform")
    Worker.objects.create(
        host="deck", pid=7, process_started=0, guards=[{"name": "memory", "state": "enforced"}]
    )
    return run
