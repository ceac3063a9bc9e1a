"""What a child and its runner say on the channel. One class per message, checked on arrival.

Runner to child: Start, then for a run Call. Child to runner, in this order: Guarded when the walls
stand, Checked and Loaded, Ready after init and validate, then Emitted and NewArtifact as they come,
at last Done. Broken takes the place of Guarded: it is the sandbox's failure, not the plugin's.
A template says Forkable after Ready, and is told to Fork instead of to Call.
"""

import re
from typing import Any, Final

import msgspec

EVENT_KIND: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
ARTIFACT_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .()+-]{0,199}")


class Message(msgspec.Struct, tag_field="op", kw_only=True):
    """Any message; the field `op` says which."""


class Start(Message, tag="start"):
    """Load the plugin. FOR_CHECK: look at what it requires, and end when it is ready.

    UNMET is what the runner already knows to be missing. AS_TEMPLATE: when ready, fork standbys.
    """

    folder: str
    entrypoint: str
    config: dict[str, Any]
    for_check: bool = False
    as_template: bool = False
    packages: list[str] = []
    models: list[dict[str, str | None]] = []
    unmet: list[dict[str, str]] = []


class Call(Message, tag="call"):
    """Call TOOL once. FILES maps a File parameter to its path and the name its owner gave it.

    CONFINES, the run's limits, are for a standby; others have had theirs from the start. STAYS: do
    not end after it, for there may be another.
    """

    tool: str
    input: dict[str, Any]
    files: dict[str, dict[str, str]]
    confines: dict[str, Any] | None = None
    stays: bool = False


class Fork(Message, tag="fork"):
    """Fork a standby into SLOT. Its channel, stdout and stderr come with this message."""

    slot: int


class Guarded(Message, tag="guarded"):
    guards: list[dict[str, str]]


class Checked(Message, tag="checked"):
    unavailable: list[dict[str, str]]


class Loaded(Message, tag="loaded"):
    tools: list[dict[str, Any]]


class Ready(Message, tag="ready"):
    pass


class Forkable(Message, tag="forkable"):
    """Whether a template can be forked safely; WHY not, for people."""

    why_not: str


class Emitted(Message, tag="event"):
    kind: str
    data: dict[str, Any]


class NewArtifact(Message, tag="artifact"):
    name: str


class Done(Message, tag="done"):
    """The end: a result, or the fault that took its place."""

    status: str
    result: Any = None
    code: str = ""
    message: str = ""
    traceback: str = ""


class Broken(Message, tag="broken"):
    message: str


FromChild = Guarded | Checked | Loaded | Ready | Forkable | Emitted | NewArtifact | Done | Broken
FromRunner = Start | Call | Fork
