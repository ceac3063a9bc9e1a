"""Request bodies, read strictly: what gets past here can be stored, compared and sent on."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

DEEPEST: Final = 64
LARGEST_INTEGER: Final = 2**63 - 1


class StrictJSONParser(BaseParser):
    """UTF-8 JSON of bounded size and depth, whose numbers and texts every database can hold."""

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        content = stream.read(most + 1)
        if len(content) > most:
            raise RequestDataTooBig
        value = _decoded(content)
        _check(value)
        return value


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8: byte {error.start} is wrong.") from None
    except json.JSONDecodeError as error:
        raise ParseError(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # a number of more digits than Python turns into one
        raise ParseError("The body holds a number that is too large.") from None


def _check(value: Any) -> None:
    level = [value]
    for _depth in range(DEEPEST):
        level = [below for above in level for below in _checked_parts(above)]
        if not level:
            return
    raise _too_deep()


def _checked_parts(value: Any) -> list[Any]:
    """Refuse VALUE if nothing can hold it; return what lies one level below."""
    match value:
        case str():
            _check_text(value)
        case dict():
            return [*value.keys(), *value.values()]
        case list():
            return value
        case float() if not math.isfinite(value):
            raise ParseError("The body holds a number that is too large.")
        case int() if abs(value) > LARGEST_INTEGER:
            raise ParseError("The body holds a whole number of more than 64 bits.")
    return []


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("The body holds a NUL character, which no database can store as text.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ParseError("The body holds half a surrogate pair, which is no text.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"The body is not JSON: {name} is no JSON number.")


def _too_deep() -> ParseError:
    return ParseError(f"The body is nested deeper than {DEEPEST} levels.")
