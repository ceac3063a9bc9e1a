"""One TOML table while it is read: hands out values by type and notes every fault on the way."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plugins_app.errors import Fault
from plugins_app.manifest.config import escaped, fits, is_storable, shown
from plugins_app.manifest.limits import Range

MISSING: Final = object()


class Section:
    """Every reader returns a usable value even after a fault, so that one pass finds them all."""

    def __init__(
        self, values: Mapping[str, Any], *, faults: list[Fault], pointer: str = ""
    ) -> None:
        self._values = values
        self._faults = faults
        self._pointer = pointer
        self._known: list[str] = []

    def take(self, key: str) -> Any:
        """The raw value, or MISSING."""
        self._known.append(key)
        return self._values.get(key, MISSING)

    def blame(self, key: str | int, message: str, *, code: str = "invalid") -> None:
        pointer = f"{self._pointer}/{escaped(str(key))}"
        self._faults.append(Fault(pointer=pointer, message=message, code=code))

    def blame_item(self, key: str, number: int, message: str) -> None:
        self._inner(key, {}).blame(number, message)

    def required_text(self, key: str, *, example: str, longest: int) -> str:
        if key not in self._values:
            self._known.append(key)
            self.blame(key, f"is missing: write {key} = {example}", code="missing")
            return ""
        return self.text(key, longest=longest)

    def text(self, key: str, *, longest: int) -> str:
        value = self.take(key)
        if value is MISSING:
            return ""
        if not isinstance(value, str):
            self.blame(key, f"must be text in quotation marks, not {shown(value)}")
        elif len(value) > longest:
            self.blame(key, f"is {len(value):,} letters long: use {longest:,} at most")
        elif not is_storable(value):
            self.blame(key, "holds a NUL character or half a surrogate pair: take it out")
        else:
            return value
        return ""

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.take(key)
        if value is MISSING:
            return ()
        if not isinstance(value, list) or not all(fits(item, "string") for item in value):
            self.blame(key, f'must be a list of texts such as ["numpy>=1.26"], not {shown(value)}')
            return ()
        return tuple(value)

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if value is MISSING or isinstance(value, bool):
            return value is True
        self.blame(key, f"must be true or false, without quotation marks, not {shown(value)}")
        return False

    def whole(self, key: str, allowed: Range) -> int | None:
        value = self.take(key)
        if value is MISSING or value in allowed:
            return None if value is MISSING else int(value)
        self.blame(key, f"must be {allowed}, not {shown(value)}")
        return None

    def section(self, key: str) -> "Section":
        value = self.take(key)
        if value is MISSING:
            value = {}
        if not isinstance(value, dict):
            self.blame(key, f"must be a table: write [{key}] on a line of its own")
            return Section({}, faults=[])  # what is missing in it is no fault of its own
        return self._inner(key, value)

    def names(self) -> Iterator[str]:
        """The keys of a table whose keys the author chooses."""
        return iter(self._values)

    def refuse_strays(self) -> None:
        """Fault every key that no reader asked for, naming the one that was probably meant."""
        for key in self._values:
            if key not in self._known:
                self.blame(key, self._about_stray(key), code="unknown")

    def _about_stray(self, key: str) -> str:
        near = difflib.get_close_matches(key, self._known, n=1)
        if near:
            return f"is not known; {near[0]} was probably meant"
        return f"is not known; possible here: {', '.join(self._known)}"

    def _inner(self, key: str, values: Mapping[str, Any]) -> "Section":
        pointer = f"{self._pointer}/{escaped(key)}"
        return Section(values, faults=self._faults, pointer=pointer)
