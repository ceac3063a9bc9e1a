"""Who acts: a person, a command or the platform itself, named for the history."""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class Actor:
    """`name` is copied into every record, so it survives the user's deletion."""

    name: str
    user_id: int | None = None

    @classmethod
    def from_user(cls, user: Any) -> "Actor":
        return cls(name=user.get_username(), user_id=user.pk)


PLATFORM: Final = Actor(name="platform")
