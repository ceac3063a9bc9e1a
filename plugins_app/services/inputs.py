"""A tool's input, checked against the schema that its annotations made, before anything is queued."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from plugins_app.errors import Fault, InvalidInput
from plugins_app.models import Upload

MOST_FAULTS: Final = 20


def check(*, tool: Mapping[str, Any], input: Any) -> list[dict[str, Any]]:
    """Return the facts of the files that INPUT names; raise InvalidInput with a fault per place."""
    if not isinstance(input, Mapping):
        raise InvalidInput(
            f"The input of a tool is a JSON object, not a {type(input).__name__}.",
            faults=[Fault(pointer="", message="must be an object", code="type")],
        )
    # Each missing field is an error of its own that lists them all.
    faults = list(dict.fromkeys(_schema_faults(tool["input_schema"], input)))
    if faults:
        raise InvalidInput(f"The input does not fit the tool {tool['name']!r}.", faults=faults)
    return _files(tool, input)


def _schema_faults(schema: Mapping[str, Any], input: Mapping[str, Any]) -> Iterator[Fault]:
    errors = Draft202012Validator(schema).iter_errors(input)
    for error, _number in zip(errors, range(MOST_FAULTS), strict=False):
        yield from _faults(error)


def _faults(error: ValidationError) -> Iterator[Fault]:
    """Place a fault where its mend belongs: a missing or unknown field at that field."""
    place = list(error.absolute_path)
    if error.validator == "required":
        for name in error.validator_value:
            if isinstance(error.instance, Mapping) and name not in error.instance:
                yield Fault(
                    pointer=_pointer([*place, name]), message="is required", code="required"
                )
        return
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = set(error.schema.get("properties", {}))
        for name in error.instance:
            if name not in known:
                message = f"is not known; the fields are: {', '.join(sorted(known)) or 'none'}"
                yield Fault(pointer=_pointer([*place, name]), message=message, code="unknown")
        return
    yield Fault(
        pointer=_pointer(place), message=_shortened(error.message), code=str(error.validator)
    )


def _files(tool: Mapping[str, Any], input: Mapping[str, Any]) -> list[dict[str, Any]]:
    references = {
        field: input[field]["upload"]
        for field in tool["file_fields"]
        if input.get(field) is not None
    }
    known = {str(upload.pk): upload for upload in _uploads(references.values())}
    faults = [
        Fault(
            pointer=_pointer([field, "upload"]),
            message="there is no such upload: POST the file to uploads/ first and give its id",
            code="unknown_upload",
        )
        for field, reference in references.items()
        if str(reference).lower() not in known
    ]
    if faults:
        raise InvalidInput("The input names an upload that does not exist.", faults=faults)
    return [_facts(field, known[ref.lower()]) for field, ref in references.items()]


def _uploads(references: Any) -> Any:
    return Upload.objects.filter(pk__in=[ref for ref in references if _is_uuid(ref)])


def _facts(field: str, upload: Upload) -> dict[str, Any]:
    return {
        "field": field,
        "upload": str(upload.pk),
        "name": upload.name,
        "size": upload.size,
        "sha256": upload.sha256,
    }


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _pointer(path: list[Any]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _shortened(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:140]} … {message[-140:]}"
