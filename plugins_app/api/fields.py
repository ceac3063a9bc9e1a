"""Query parameters, read with their bounds."""

from typing import Any, Final
from uuid import UUID

from rest_framework.request import Request

from plugins_app.errors import Fault, InvalidInput

LARGEST: Final = 2**63 - 1


def positive(request: Request, name: str, *, default: int) -> int:
    return whole_number(request, name, default=default, minimum=1)


def whole_number(request: Request, name: str, *, default: int, minimum: int = 0) -> int:
    """The parameter NAME as a whole number that any database can compare."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    if not is_number or not minimum <= int(text) <= LARGEST:
        message = f"must be a whole number from {minimum} on"
        raise InvalidInput(
            f"{name!r} {message}.", faults=[Fault(pointer=f"/{name}", message=message)]
        )
    return int(text)


def uuid_text(value: Any) -> UUID:
    """VALUE as a UUID; ValueError for anything but one."""
    if not isinstance(value, str):
        raise ValueError(value)  # noqa: TRY004 - one error for callers to catch
    return UUID(value)
