"""The form of a tool, made from its input schema; what people type becomes the tool's input."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from plugins_app.errors import Fault, InvalidInput

WORDS: Final = {"true": True, "false": False}
SIMPLE: Final = ("string", "integer", "number", "boolean")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One input. `kind`: file, choice, boolean, integer, number, string, or json for all else."""

    name: str
    kind: str
    title: str
    description: str
    required: bool
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    upload: str = ""


def fields_of(tool: Mapping[str, Any], given: Mapping[str, Any]) -> list[Field]:
    """Return the form of TOOL, filled with GIVEN (an earlier run's input), else with defaults."""
    schema = _followed(tool["input_schema"], tool["input_schema"])
    required = set(schema.get("required", ()))
    return [
        _field(tool, name, _followed(part, tool["input_schema"]), name in required, given)
        for name, part in schema.get("properties", {}).items()
    ]


def read(tool: Mapping[str, Any], posted: Mapping[str, str]) -> dict[str, Any]:
    """Return the input that was POSTED, files left out; raise InvalidInput for what is no value."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for field in fields_of(tool, {}):
        text = posted.get(f"input.{field.name}", "")
        if field.kind == "file" or (text == "" and not _is_wanted(field)):
            continue
        try:
            values[field.name] = _value(field, text)
        except ValueError:
            words = f"is not {'JSON' if field.kind == 'json' else 'a ' + field.kind}"
            faults.append(Fault(pointer=f"/{field.name}", message=words, code="type"))
    if faults:
        raise InvalidInput("The input cannot be read.", faults=faults)
    return values


def _is_wanted(field: Field) -> bool:
    """Whether an empty text is an answer: only where text is asked for."""
    return field.kind == "string" and field.required


def _value(field: Field, text: str) -> Any:
    if field.kind == "boolean":
        return WORDS[text] if text in WORDS else _no()
    if field.kind == "integer":
        return int(text)
    if field.kind == "number":
        return float(text)
    if field.kind in ("json", "choice"):
        return json.loads(text)
    return text.replace("\r\n", "\n")


def _no() -> Any:
    raise ValueError


def _field(
    tool: Mapping[str, Any], name: str, part: Mapping[str, Any], required: bool, given: Any
) -> Field:
    kind = "file" if name in tool["file_fields"] else _kind(part)
    value = given.get(name, part.get("default"))
    reference = value.get("upload", "") if kind == "file" and isinstance(value, dict) else ""
    return Field(
        name=name,
        kind=kind,
        title=str(part.get("title") or name),
        description=str(part.get("description") or ""),
        required=required,
        value="" if kind == "file" or value is None else _shown(kind, value),
        choices=tuple((json.dumps(choice), str(choice)) for choice in part.get("enum", ())),
        minimum=part.get("minimum"),
        maximum=part.get("maximum"),
        upload=str(reference),
    )


def _kind(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return "choice"
    return part["type"] if part.get("type") in SIMPLE else "json"


def _shown(kind: str, value: Any) -> str:
    return str(value) if kind == "string" else json.dumps(value)


def _followed(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Resolve a reference into `$defs`, and "this or null" into this."""
    reference = part.get("$ref", "")
    if reference.startswith("#/$defs/"):
        own = {key: value for key, value in part.items() if key != "$ref"}
        return {**_followed(whole["$defs"][reference.removeprefix("#/$defs/")], whole), **own}
    options = [o for o in part.get("anyOf", ()) if o.get("type") != "null"]
    if len(options) == 1:
        own = {key: value for key, value in part.items() if key != "anyOf"}
        return {**_followed(options[0], whole), **own}
    return part
