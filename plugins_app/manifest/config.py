"""A plugin's settings: how one is declared, what values fit it, and what may be shown of it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from plugins_app.errors import Fault

Type = Literal["boolean", "integer", "number", "string", "array"]

WORDS: Final[Mapping[Type, str]] = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list of numbers or texts",
}
LARGEST_INTEGER: Final = 2**53
"""Beyond this, JavaScript and most JSON readers lose digits."""

LONGEST_TEXT: Final = 10_000
LONGEST_LIST: Final = 1_000
SET: Final = "set"


@dataclass(frozen=True, kw_only=True)
class ConfigField:
    """One declared setting. A secret is text without a default, and is never shown again."""

    name: str
    default: Any
    title: str = ""
    description: str = ""
    type: Type = "string"
    secret: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()

    def problem_with(self, value: Any) -> str:
        """What is wrong with `value` for this setting and what to give instead, or ""."""
        if not fits(value, self.type):
            return f"must be {WORDS[self.type]}, not {shown(value)}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(map(shown, self.choices))}, not {shown(value)}"
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum}, not {shown(value)}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum}, not {shown(value)}"
        return ""

    def to_json(self) -> dict[str, Any]:
        """As declared in `plugin.toml`, with its type; bounds and choices only where declared."""
        plain = asdict(self) | {"choices": list(self.choices)}
        del plain["name"]
        optional = ("minimum", "maximum", "choices")
        return {k: v for k, v in plain.items() if k not in optional or v not in (None, [])}

    @classmethod
    def from_json(cls, name: str, stored: Mapping[str, Any]) -> "ConfigField":
        return cls(name=name, **{**stored, "choices": tuple(stored.get("choices", ()))})


def faults_of(fields: tuple[ConfigField, ...], values: Any) -> tuple[Fault, ...]:
    """Every fault of a change of settings; null for a setting means its default."""
    if not isinstance(values, Mapping):
        return (Fault(pointer="/config", message=f"must be an object, not {shown(values)}"),)
    known = {field.name: field for field in fields}
    return tuple(
        Fault(pointer=f"/config/{escaped(str(name))}", message=message)
        for name, value in values.items()
        if (message := _problem(known, name, value))
    )


def effective(fields: tuple[ConfigField, ...], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The values in force: an override that a newer manifest no longer takes yields to its default."""
    return {field.name: _value(field, overrides.get(field.name)) for field in fields}


def masked(fields: tuple[ConfigField, ...], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The values in force, to be shown: a secret is null, or "set" when it has a value."""
    values = effective(fields, overrides)
    for field in fields:
        if field.secret:
            values[field.name] = SET if values[field.name] else None
    return values


def type_of(value: Any) -> Type | None:
    """The type a default declares; None for what no setting can hold."""
    for kind in WORDS:
        if fits(value, kind):
            return kind
    return None


def fits(value: Any, kind: Type) -> bool:
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            return is_whole and abs(value) <= LARGEST_INTEGER
        case "number":
            return fits(value, "integer") or (isinstance(value, float) and math.isfinite(value))
        case "string":
            return isinstance(value, str) and len(value) <= LONGEST_TEXT and is_storable(value)
        case "array":
            return (
                isinstance(value, list)
                and len(value) <= LONGEST_LIST
                and all(map(_is_scalar, value))
            )


def is_storable(text: str) -> bool:
    """Whether every database takes `text`: PostgreSQL knows no NUL, and nobody lone surrogates."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def shown(value: Any) -> str:
    """`value` in a message: short, and harmless whatever it is."""
    try:
        words = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a bottomless list
        return f"such {type(value).__name__}"
    return words if len(words) <= 60 else f"{words[:57]}…"


def escaped(key: str) -> str:
    """One step of a JSON pointer (RFC 6901), harmless whatever the key holds."""
    key = key if is_storable(key) else ascii(key)[1:-1]
    return key.replace("~", "~0").replace("/", "~1")


def _problem(known: Mapping[str, ConfigField], name: Any, value: Any) -> str:
    if name not in known:
        return f"is no setting of this plugin; it has {', '.join(sorted(known)) or 'none'}"
    return "" if value is None else known[name].problem_with(value)


def _value(field: ConfigField, override: Any) -> Any:
    if override is None or field.problem_with(override):
        return field.default
    return override


def _is_scalar(value: Any) -> bool:
    return any(fits(value, kind) for kind in ("boolean", "number", "string"))
