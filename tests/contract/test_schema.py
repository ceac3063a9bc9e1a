"""What the API says it answers is what it answers."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.running import RunningPlatform


@pytest.fixture(scope="module")
def up(platform_up: RunningPlatform) -> RunningPlatform:
    platform_up.wait_for_plugin("echo", "INITIALIZED")
    return platform_up


@pytest.fixture(scope="module")
def run(up: RunningPlatform) -> str:
    """The id of a run that has ended, with events and a place in every list."""
    run = up.run_tool("echo", "emit", count=3)
    return str(up.wait_for_run(run["id"])["id"])


@pytest.mark.parametrize(
    "path",
    [
        "plugins/",
        "plugins/echo/",
        "plugins/echo/health/",
        "plugins/echo/ready/",
        "plugins/echo/transitions/",
        "runs/",
        "runs/{id}/",
        "runs/{id}/events/",
        "runs/{id}/artifacts/",
        "audit/",
        "audit/verify/",
        "workers/",
        "health/live/",
        "health/ready/",
    ],
)
def test_an_answer_fits_its_schema(up: RunningPlatform, run: str, path: str) -> None:
    schema = _in_json_schema(up.get("/api/v1/schema/").json)
    template = f"/api/v1/{path}".replace("/echo/", "/{name}/")
    told = schema["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]
    answer = up.get(f"/api/v1/{path.replace('{id}', run)}").json
    checked = Draft202012Validator(told["schema"] | {"components": schema["components"]})
    faults = [f"{fault.json_path}: {fault.message}" for fault in checked.iter_errors(answer)]
    assert not faults


def _in_json_schema(value: Any) -> Any:
    """Put OpenAPI 3.0's `nullable` as JSON Schema says it."""
    if isinstance(value, list):
        return [_in_json_schema(each) for each in value]
    if not isinstance(value, dict):
        return value
    value = {key: _in_json_schema(each) for key, each in value.items()}
    if value.pop("nullable", False) is True:
        return {"anyOf": [value, {"type": "null"}]}
    return value
