"""Template tags and filters of the console; also called by the lists' columns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from plugins_app.console import plain
from plugins_app.lifecycle import RunStatus, State

register = template.Library()

EMPTY: Final = "–"


class Look(NamedTuple):
    tone: str
    icon: str


STATES: Final[Mapping[str, Look]] = {
    State.LOADED: Look("calm", "hourglass_top"),
    State.INITIALIZED: Look("good", "check_circle"),
    State.RUNNING: Look("busy", "play_circle"),
    State.FAILED: Look("bad", "error"),
    State.UNAVAILABLE: Look("warn", "block"),
}
STATUSES: Final[Mapping[str, Look]] = {
    RunStatus.QUEUED: Look("calm", "schedule"),
    RunStatus.RUNNING: Look("busy", "play_circle"),
    RunStatus.SUCCEEDED: Look("good", "check_circle"),
    RunStatus.REJECTED: Look("warn", "do_not_disturb_on"),
    RunStatus.CANCELLED: Look("calm", "cancel"),
    RunStatus.FAILED: Look("bad", "error"),
    RunStatus.TIMED_OUT: Look("bad", "timer_off"),
    RunStatus.MEMORY_EXCEEDED: Look("bad", "memory"),
    RunStatus.CRASHED: Look("bad", "bolt"),
    RunStatus.LOST: Look("bad", "link_off"),
}
UNKNOWN: Final = Look("calm", "help")


@register.filter
def state(value: str) -> SafeString:
    """A plugin's state as a badge: text and icon, so that colour is never alone."""
    return badge(STATES.get(value, UNKNOWN), value)


@register.filter
def status(value: str) -> SafeString:
    return badge(STATUSES.get(value, UNKNOWN), value.replace("_", " "))


@register.filter
def guard_state(value: str) -> SafeString:
    looks = {"enforced": Look("good", "shield"), "degraded": Look("warn", "gpp_maybe")}
    return badge(looks.get(value, Look("bad", "remove_moderator")), value)


@register.filter
def yes_or_no(value: bool) -> SafeString:
    return badge(Look("good", "check") if value else Look("bad", "close"), "yes" if value else "no")


def badge(look: Look, words: str) -> SafeString:
    return format_html(
        '<span class="bh-badge bh-{}"><span class="material-symbols-outlined" aria-hidden="true">'
        "{}</span>{}</span>",
        look.tone,
        look.icon,
        words,
    )


@register.filter
def tone(value: str) -> str:
    """The colour word of a run's status, for charts."""
    return STATUSES.get(value, UNKNOWN).tone


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A time that the page's script turns into "3 min ago", with the exact time on hover."""
    if value is None:
        return EMPTY
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        f"{value:%Y-%m-%d %H:%M:%S} UTC",
        f"{value:%Y-%m-%d %H:%M}",
    )


@register.filter
def duration(seconds: float | None) -> str:
    if seconds is None:
        return EMPTY
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


@register.filter
def size(count: float | None) -> str:
    if count is None:
        return EMPTY
    for unit in ("bytes", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"


@register.filter
def as_text(text: object) -> str:
    return plain.plain(text)


@register.filter
def as_json(value: Any) -> str:
    return plain.pretty(value)


@register.filter
def source(value: str) -> str:
    """Where a limit comes from, in words."""
    words = {"operator": "set here", "manifest": "from the manifest", "global": "platform default"}
    return words.get(value, value)
