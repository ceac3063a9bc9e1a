"""What was typed after `run_plugin`, checked before anything is stored or queued."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import CommandError

from plugins_app import registry
from plugins_app.management.commanding import USAGE, operator
from plugins_app.services import uploads


def parsed_input(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        refuse(f"--input is no JSON: {error}. Quote it as one word")
    if not isinstance(given, dict):
        refuse("""--input must be a JSON object, such as '{"upto": 3}'""")
    return given


def parsed_files(arguments: Sequence[str]) -> dict[str, Path]:
    files = {}
    for argument in arguments:
        field, equals, path = argument.partition("=")
        if not (field and equals and path):
            refuse(f"--file {argument}: write FIELD=PATH")
        if not Path(path).is_file():
            refuse(f"--file {argument}: there is no such file")
        files[field] = Path(path)
    return files


def check_fields(plugin: str, tool: str, files: Mapping[str, Path]) -> None:
    """Find a misspelt field before a large file is copied; all else `start_run` says better."""
    snapshot = registry.get(plugin)
    known = snapshot.tool(tool) if snapshot else None
    if known is None:
        return
    for field in files:
        if field not in known["file_fields"]:
            fields = ", ".join(known["file_fields"]) or "none"
            refuse(f"--file {field}=…: {tool} has no such file field; it has: {fields}")


def stored(files: Mapping[str, Path]) -> dict[str, Any]:
    """Store FILES as uploads and return the input fields that name them."""
    return {field: {"upload": _store(path)} for field, path in files.items()}


def refuse(reason: str) -> NoReturn:
    raise CommandError(f"{reason}.", returncode=USAGE)


def _store(path: Path) -> str:
    try:
        with path.open("rb") as content:
            upload = uploads.store_upload(name=path.name, content=content, actor=operator())
    except PermissionError as error:
        refuse(f"{path} cannot be read: {error.strerror}")
    return str(upload.pk)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not in JSON")
