"""The walls around a child, one module per guard. Each says what it could do on this machine."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SWITCHED_OFF: Final = "switched off by a test"


class GuardState(StrEnum):
    ENFORCED = "enforced"
    DEGRADED = "degraded"
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Guard:
    """One wall: what holds it up, and why it is not whole where it is not."""

    name: str
    state: GuardState
    how: str
    why: str = ""


def enforced(name: str, how: str) -> Guard:
    return Guard(name=name, state=GuardState.ENFORCED, how=how)


def degraded(name: str, how: str, why: str) -> Guard:
    return Guard(name=name, state=GuardState.DEGRADED, how=how, why=why)


def absent(name: str, how: str, why: str) -> Guard:
    return Guard(name=name, state=GuardState.ABSENT, how=how, why=why)
