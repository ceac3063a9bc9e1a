"""What a check found."""

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`failed`: the platform cannot do its work; `warning`: it can, without what is named."""

    name: str
    state: State
    message: str
    mend: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ok": self.state == "ok",
            "state": self.state,
            "message": self.message,
            "mend": self.mend,
        }


def ok(name: str, message: str) -> Finding:
    return Finding(name=name, state="ok", message=message)


def warning(name: str, message: str, mend: str) -> Finding:
    return Finding(name=name, state="warning", message=message, mend=mend)


def failed(name: str, message: str, mend: str) -> Finding:
    return Finding(name=name, state="failed", message=message, mend=mend)
