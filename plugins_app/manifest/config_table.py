"""The `[config]` table: each setting is a plain default, or a table that says more about it."""

import re
from typing import Any, Final

from plugins_app.manifest.config import WORDS, ConfigField, Type, fits, shown, type_of
from plugins_app.manifest.sections import MISSING, Section

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
LONGEST_TITLE: Final = 200
LONGEST_DESCRIPTION: Final = 2_000
POSSIBLE: Final = "use text, a number, true or false, or a list of those"


def read_config(top: Section) -> tuple[ConfigField, ...]:
    fields = top.section("config")
    return tuple(_field(name, fields) for name in fields.names())


def _field(name: str, fields: Section) -> ConfigField:
    if not NAME.fullmatch(name):
        fields.blame(name, "is no name for a setting: use letters, digits and _, as in Python")
    value = fields.take(name)
    if isinstance(value, dict):
        return _described(name, fields.section(name))
    kind = type_of(value)
    if kind is None:
        fields.blame(name, f"cannot have the default {shown(value)}: {POSSIBLE}")
    return ConfigField(name=name, default=value, type=kind or "string")


def _described(name: str, table: Section) -> ConfigField:
    secret = table.flag("secret")
    default = _secret_default(table) if secret else _default(table)
    kind = _declared_type(table) or type_of(default) or "string"
    field = ConfigField(
        name=name,
        default=default,
        title=table.text("title", longest=LONGEST_TITLE),
        description=table.text("description", longest=LONGEST_DESCRIPTION),
        type=kind,
        secret=secret,
        minimum=_bound("minimum", kind, table),
        maximum=_bound("maximum", kind, table),
        choices=_choices(kind, table),
    )
    table.refuse_strays()
    is_readable = table.take("default") is default
    if is_readable and (problem := field.problem_with(default)):
        table.blame("default", problem)
    return field


def _declared_type(table: Section) -> Type | None:
    """Needed only where the default does not show it: `{default = 1, type = "number"}`."""
    declared = table.text("type", longest=20)
    for kind in WORDS:
        if declared == kind:
            return kind
    if declared:
        table.blame("type", f"must be one of {', '.join(WORDS)}, or left out")
    return None


def _default(table: Section) -> Any:
    default = table.take("default")
    if default is MISSING:
        table.blame("default", "is missing: every setting but a secret has one", code="missing")
        return ""
    if type_of(default) is None:
        table.blame("default", f"cannot be {shown(default)}: {POSSIBLE}")
        return ""
    return default


def _secret_default(table: Section) -> str:
    if table.take("default") not in (MISSING, ""):
        table.blame("default", "would be a secret that everyone can read: leave it out")
    return ""


def _bound(key: str, kind: Type, table: Section) -> float | None:
    value = table.take(key)
    if value is MISSING:
        return None
    if kind not in ("integer", "number"):
        table.blame(key, "makes sense for numbers only: take it out")
    elif not fits(value, "number"):
        table.blame(key, f"must be a number, not {shown(value)}")
    else:
        return float(value) if isinstance(value, float) else int(value)
    return None


def _choices(kind: Type, table: Section) -> tuple[Any, ...]:
    value = table.take("choices")
    if value is MISSING:
        return ()
    if not isinstance(value, list) or not value or not all(fits(item, kind) for item in value):
        table.blame("choices", "must be a list of values of the same kind as the default")
        return ()
    return tuple(value)
