"""A template's keeper: watches the template, and every standby that it forks.

    worker ── keeper ── init ── template ─┬─ standby, later a run
                                          └─ standby

The template is the plugin's process, so it is believed nothing: a standby makes itself known on a
socket whose kernel says which process speaks, and is put into a control group of its own from here.
"""

import os
import select
import shutil
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from sandbox import processes
from sandbox.charge import Charge
from sandbox.control import Control
from sandbox.guards import files
from sandbox.guards.cgroups import Cgroup
from sandbox.orders import Setup
from sandbox.ward import Ward

CREDENTIALS: Final = struct.Struct("3i")
SLOT: Final = struct.Struct("!I")


class Nurse:
    """CHARGE is the template; its control socket also brings the standbys' own."""

    def __init__(
        self,
        charge: Charge,
        setup: Setup,
        group: Cgroup,
        *,
        status_fd: int,
        registry: socket.socket,
    ) -> None:
        self.charge = charge
        self.charge.on_standby = self._expect
        self._setup = setup
        self._group = group
        self._status_fd = status_fd
        self._registry = registry
        self._registry.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._init = processes.children(os.getpid())[0]
        self._template: list[int] = []
        self._wards: dict[int, Ward] = {}
        self._poll = select.poll()
        self._listeners: dict[int, Callable[[], None]] = {}
        self._listen(charge.control.socket.fileno(), self._obey)
        self._listen(registry.fileno(), self._take_in)
        self._poll.register(status_fd, select.POLLIN)

    def watch_to_the_end(self) -> None:
        """Return when the template is dead or must die; every standby has ended by then."""
        while self.charge.look() is None:
            ready = {event[0] for event in self._poll.poll(self._patience() * 1000)}
            if self._status_fd in ready:
                break
            due = {number: self._listeners[number] for number in ready}
            for number, listener in due.items():
                # One may have ended another, and a third have got its number.
                if self._listeners.get(number) == listener:
                    listener()
            self._look_after_wards()
        for slot in list(self._wards):
            self._end(slot)

    def _patience(self) -> float:
        charges = [self.charge, *(ward.charge for ward in self._wards.values())]
        return min(charge.seconds_between_looks for charge in charges)

    def _look_after_wards(self) -> None:
        for slot, ward in list(self._wards.items()):
            if ward.charge.look() is not None:
                self._end(slot)

    def _expect(self, slot: int) -> None:
        """Make ready for the standby that the template is about to fork."""
        if slot in self._wards:
            self._end(slot)  # the worker has let go of it, and we have not looked yet
        setup = replace(self._setup, scratch=files.box(self._setup.nest, slot))
        ward = Ward(Control(self.charge.control.descriptors.pop(0)), setup, slot=slot)
        self._wards[slot] = ward
        self._listen(ward.charge.control.socket.fileno(), ward.charge.obey)

    def _take_in(self) -> None:
        if self._has_orders():
            self.charge.obey()  # the order for this standby was sent before it was born
        data, ancillary, _flags, _address = self._registry.recvmsg(
            SLOT.size, socket.CMSG_SPACE(CREDENTIALS.size)
        )
        pid = next(
            CREDENTIALS.unpack(content)[0]
            for _level, kind, content in ancillary
            if kind == socket.SCM_CREDENTIALS
        )
        ward = self._wards.get(SLOT.unpack(data)[0]) if len(data) == SLOT.size else None
        if ward is None or ward.has_come:
            return  # not one that was ordered: it stays in the template's group, and dies with it
        with suppress(OSError):  # dead already: what it leaves ends with its control socket
            ward.take_in(pid)
            self._listen(ward.pidfd, lambda: self._end(SLOT.unpack(data)[0]))

    def _end(self, slot: int) -> None:
        ward = self._wards.pop(slot)
        for descriptor in (ward.charge.control.socket.fileno(), ward.pidfd):
            if self._listeners.pop(descriptor, None):
                self._poll.unregister(descriptor)
        ended = ward.end()
        # Before anyone hears of the end: what comes next must find nothing.
        self._clear_up()
        ward.say_goodbye(ended)

    def _clear_up(self) -> None:
        """Leave nothing of a run behind for the next: no process beside the template, no memory."""
        for pid in self._strays():
            processes.kill(pid)
        _empty(f"/proc/{self._init}/root/dev/shm")

    def _strays(self) -> list[int]:
        """Return what only a plugin's own fork hooks can have left in the template's group.

        None while a standby is on its way, which is in that group too until it is taken in. Orders
        come here before they come to the template, so one not yet read is enough to know.
        """
        template = self._template = self._template or processes.children(self._init)[:1]
        found = [pid for pid in self._group.pids() if pid not in template]
        if not found or not all(ward.has_come for ward in self._wards.values()):
            return []
        return [] if self._has_orders() else found

    def _obey(self) -> None:
        if self._has_orders():  # unless they were obeyed on the way, for a standby
            self.charge.obey()

    def _has_orders(self) -> bool:
        return bool(select.select([self.charge.control.socket], [], [], 0)[0])

    def _listen(self, descriptor: int, listener: Callable[[], None]) -> None:
        self._listeners[descriptor] = listener
        self._poll.register(descriptor, select.POLLIN)


def _empty(folder: str) -> None:
    """Remove what lies in FOLDER, whatever it is; links are removed, not followed."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
