"""All that a nursery keeps of one plugin: its template, and the standbys that wait."""

import os
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

from sandbox.limits import Limits
from sandbox.source import PluginSource
from sandbox.standby import SLOTS, ForkedStandby, Standby, Template, start_afresh

FORKED_IN_RESERVE: Final = 2


class Family:
    """Standbys of PLUGIN as it is now, started under LIMITS."""

    def __init__(self, plugin: PluginSource, limits: Limits, root: Path) -> None:
        self._plugin = plugin
        self._limits = limits
        self._root = root
        self._state = state_of(plugin)
        self._template: Template | None = Template(plugin, limits, root)
        self._waiting: deque[Standby] = deque()
        self._free_slots = list(range(SLOTS))
        self._busy = 0
        self._closed = False
        self.last_used = time.monotonic()

    @property
    def is_dead(self) -> bool:
        return self._template is not None and self._template.is_dead and not self._busy

    @property
    def is_busy(self) -> bool:
        return self._busy > 0

    def is_of(self, plugin: PluginSource) -> bool:
        return bool(self._state == state_of(plugin))

    def kind(self, seconds: float) -> str:
        """Return `forked` or `afresh` once a standby of that kind is there, or on its way."""
        if self._template is not None:
            self._template.listen(seconds)
        self.provide()
        if not self._waiting:
            return ""
        return "forked" if self._waiting[0].is_forked else "afresh"

    def take(self) -> Standby | None:
        """Return a standby, which is the caller's until it is put back; None when there is none.

        One of a template at a time: what runs of one template share is emptied between them.
        """
        self.last_used = time.monotonic()
        self.provide()
        while self._waiting and not (self._busy and self._waiting[0].is_forked):
            standby = self._waiting.popleft()
            if not standby.nest.is_whole:
                self._give_up(standby)
            elif not isinstance(standby.kept, ForkedStandby) or standby.kept.is_there():
                self._busy += 1
                return standby
            else:
                self._throw_away(standby)
        return None

    def _give_up(self, standby: Standby) -> None:
        """Be dead, for somebody has removed the folders of STANDBY and its like."""
        self._throw_away(standby)
        if self._template is not None:
            self._template.is_dead = True

    def put_back(self, standby: Standby) -> None:
        """Take back the place of a standby that has been used."""
        self._busy -= 1
        if standby.has_stayed and not self._closed:
            self._waiting.appendleft(standby)
        else:
            self._throw_away(standby)
        if self._closed and not self._busy:
            self._close_template()

    def provide(self) -> None:
        """Order the standbys that are missing; they come while nobody waits."""
        if self._template is not None and not self._closed:
            self._template.listen(0.0)
            if self._template.is_ready:
                while self._free_slots and len(self._waiting) < FORKED_IN_RESERVE:
                    self._waiting.append(self._template.fork(self._free_slots.pop()))
            elif self._template.why_not_forkable:
                self._close_template()
        if self._template is None and not self._waiting and not self._closed:
            self._waiting.append(start_afresh(self._plugin, self._limits, self._root))

    def close(self) -> None:
        """Let go of everything; of what a run still uses, when it has ended."""
        self._closed = True
        while self._waiting:
            self._throw_away(self._waiting.popleft())
        if not self._busy:
            self._close_template()

    def _throw_away(self, standby: Standby) -> None:
        standby.kept.let_go()
        if standby.is_forked:
            self._free_slots.append(standby.slot)
        else:
            standby.nest.remove()

    def _close_template(self) -> None:
        if self._template is not None:
            self._template.close()
            self._template = None


def state_of(plugin: PluginSource) -> Any:
    """Return what must not change under a standby: all that was loaded into it."""
    entrypoint, config = plugin.entrypoint, repr(sorted(plugin.config.items()))
    code = plugin.revision or _code_of(str(plugin.folder))
    return (str(plugin.folder), entrypoint, config, plugin.network, plugin.requires, code)


def _code_of(folder: str) -> tuple[tuple[str, int, int], ...]:
    found = []
    for parent, _folders, names in os.walk(folder):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(parent, name)
                about = os.stat(path)
                found.append((path, about.st_mtime_ns, about.st_size))
    return tuple(sorted(found))
