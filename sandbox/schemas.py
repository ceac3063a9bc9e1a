"""A tool's annotations, turned into JSON Schemas and into the checks that hold values to them.

The schema a caller reads and the conversion a child performs come from one msgspec type, so the
two cannot drift.
"""

import copy
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Final

import msgspec

from sandbox.reports import ToolSpec
from sandbox.sdk import TOOL_ATTRIBUTE, File, InvalidInput, Run, ToolMark

UPLOAD_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"upload": {"type": "string"}},
    "required": ["upload"],
    "additionalProperties": False,
    "x-bulkhead-file": True,
}
MUTABLE: Final = (list, dict, set, bytearray)
NAMED_KINDS: Final = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


class BadTool(Exception):
    """A method marked as a tool cannot be one; the message says what to change."""


class BadResult(Exception):
    """A tool returned what its own annotation does not allow."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool as its child knows it: how to call it, and what goes in and out."""

    spec: ToolSpec
    run_parameter: str | None
    input_type: type[msgspec.Struct]
    output_type: Any

    def arguments(self, values: Mapping[str, Any], files: Mapping[str, File]) -> dict[str, Any]:
        """Return keyword arguments for the call, or raise InvalidInput saying where it fails."""
        return self._plain_arguments(values) | self._file_arguments(values, files)

    def checked_result(self, value: Any) -> Any:
        """Return VALUE as JSON builtins that fit the output schema, or raise BadResult."""
        try:
            plain = plain_json(value)
            msgspec.convert(plain, self.output_type)
        except (
            TypeError,
            ValueError,
            RecursionError,
        ) as error:  # ValidationError is a ValueError
            raise BadResult(str(error)) from None
        return plain

    def _plain_arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        try:
            converted = msgspec.convert(dict(values), self.input_type)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"the input does not fit the tool's schema: {error}") from None
        return {name: getattr(converted, name) for name in values}

    def _file_arguments(
        self, values: Mapping[str, Any], files: Mapping[str, File]
    ) -> dict[str, File]:
        for name in self.spec.file_fields:
            if values.get(name) is not None and name not in files:
                raise InvalidInput(f"`{name}` names an upload, but no file came with the run")
        if strays := sorted(set(files) - set(self.spec.file_fields)):
            raise InvalidInput(f"the tool has no file parameter named {', '.join(strays)}")
        return dict(files)


def describe_tool(method: Callable[..., Any], *, name: str) -> Tool:
    """Return METHOD as a Tool, or raise BadTool with what its author must change."""
    mark: ToolMark = getattr(method, TOOL_ATTRIBUTE)
    parameters = _parameters(method, name)
    hints = _hints(method, name)
    # A tool that says nothing of its result may return any JSON; `run` needs no introduction.
    hints = {"run": Run, "return": Any} | hints
    run_parameter = next((p.name for p in parameters if hints.get(p.name) is Run), None)
    inputs = [parameter for parameter in parameters if parameter.name != run_parameter]
    for parameter in inputs:
        _check_parameter(name, parameter, hints)
    files = {p.name: hints[p.name] for p in inputs if _is_file(hints[p.name])}
    input_type = _input_type(name, inputs, hints)
    spec = ToolSpec(
        name=name,
        title=mark.title or name.replace("_", " ").capitalize(),
        description=mark.description or inspect.getdoc(method) or "",
        streams=mark.streams,
        input_schema=_input_schema(name, input_type, inputs, files),
        output_schema=_schema(name, "what it returns", hints["return"]),
        file_fields=tuple(files),
    )
    return Tool(
        spec=spec,
        run_parameter=run_parameter,
        input_type=input_type,
        output_type=hints["return"],
    )


def plain_json(value: Any) -> Any:
    """Return VALUE as JSON builtins: NumPy and torch values as numbers and lists, NaN as null."""
    return _without_nan(msgspec.to_builtins(value, str_keys=True, enc_hook=_listed))


def _listed(value: Any) -> Any:
    # Duck-typed: importing numpy or torch to recognise their scalars would cost every child.
    if callable(to_list := getattr(value, "tolist", None)):
        return to_list()
    raise TypeError(
        f"a {type(value).__name__} has no JSON form; return numbers, text, lists, dicts"
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value


def _parameters(method: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    if inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
        raise BadTool(f"{name}() is async or yields: a tool is a plain method that returns once")
    parameters = list(inspect.signature(method).parameters.values())
    if not parameters or parameters[0].kind not in NAMED_KINDS:
        raise BadTool(f"{method.__name__}() must be a method: its first parameter is `self`")
    return parameters[1:]


def _hints(method: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(method, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise BadTool(
            f"the annotations of {name}() cannot be read: {error}. "
            "Every type they name must be importable at the top of its module"
        ) from None


def _check_parameter(tool: str, parameter: inspect.Parameter, hints: dict[str, Any]) -> None:
    if parameter.kind not in NAMED_KINDS:
        raise BadTool(f"{tool}() takes {parameter}: a tool's parameters must each have a name")
    if parameter.name not in hints:
        raise BadTool(f"{tool}() does not annotate `{parameter.name}`: write `{parameter.name}: …`")
    hint = hints[parameter.name]
    if not _is_file(hint) and _holds_file(hint):
        raise BadTool(
            f"{tool}(): `{parameter.name}` holds a File within another type, which has no JSON "
            "Schema: make each file a parameter of its own, `File` or `File | None`"
        )


def _is_file(hint: Any) -> bool:
    return _without_extras(hint) is File or _is_optional_file(hint)


def _holds_file(hint: Any) -> bool:
    return hint is File or any(map(_holds_file, typing.get_args(hint)))


def _is_optional_file(hint: Any) -> bool:
    hint = _without_extras(hint)
    is_union = typing.get_origin(hint) in (typing.Union, UnionType)
    return is_union and set(typing.get_args(hint)) == {File, NoneType}


def _without_extras(hint: Any) -> Any:
    return hint.__origin__ if hasattr(hint, "__metadata__") else hint


def _input_type(
    tool: str, inputs: list[inspect.Parameter], hints: dict[str, Any]
) -> type[msgspec.Struct]:
    fields = [_field(parameter, hints[parameter.name]) for parameter in inputs]
    try:
        return msgspec.defstruct(f"{tool}_input", fields, kw_only=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as error:
        raise BadTool(f"the parameters of {tool}() make no schema: {error}") from None


def _field(parameter: inspect.Parameter, hint: Any) -> tuple[str, Any] | tuple[str, Any, Any]:
    # A file's reference is checked by the platform; the child gets the file itself.
    hint = Any if _is_file(hint) else hint
    default = parameter.default
    if default is inspect.Parameter.empty:
        return (parameter.name, hint)
    if isinstance(default, MUTABLE):
        fresh = functools.partial(copy.deepcopy, default)
        return (parameter.name, hint, msgspec.field(default_factory=fresh))
    return (parameter.name, hint, default)


def _input_schema(
    tool: str,
    input_type: type[msgspec.Struct],
    inputs: list[inspect.Parameter],
    files: Mapping[str, Any],
) -> dict[str, Any]:
    schema = _schema(tool, "its parameters", input_type)
    definitions = schema.pop("$defs")
    top: dict[str, Any] = definitions.pop(schema["$ref"].rpartition("/")[2])
    for parameter in inputs:
        if isinstance(parameter.default, MUTABLE):  # msgspec says only defaults it need not copy
            top["properties"][parameter.name]["default"] = plain_json(parameter.default)
    for name, hint in files.items():
        top["properties"][name] = _file_schema(hint)
    return top | ({"$defs": definitions} if definitions else {})


def _file_schema(hint: Any) -> dict[str, Any]:
    extras = getattr(hint, "__metadata__", ())
    words = {
        key: text
        for meta in extras
        for key in ("title", "description")
        if (text := getattr(meta, key, None))
    }
    if _is_optional_file(hint):
        return words | {"anyOf": [UPLOAD_SCHEMA, {"type": "null"}], "default": None}
    return words | UPLOAD_SCHEMA


def _schema(tool: str, what: str, hint: Any) -> dict[str, Any]:
    try:
        schema: dict[str, Any] = msgspec.json.schema(hint)
        return schema
    except (TypeError, ValueError) as error:
        reason = str(error).rpartition("\n\n")[2]
        raise BadTool(
            f"{tool}(): {what} cannot be written as a JSON Schema: {reason}. Use numbers, text, "
            "list, dict, Literal, TypedDict, dataclasses; File only as a parameter of its own"
        ) from None
