"""The guarded process: settles in, raises the walls around itself, and goes to work.

Everything up to the first message is the sandbox's own doing and fails as such. From there on it
is the plugin's process, and whatever happens is told as the plugin's doing.
"""

import faulthandler
import os
import signal
import sys
import traceback
from contextlib import suppress
from itertools import pairwise
from typing import NoReturn, TextIO

from sandbox.guards import Guard, kernel
from sandbox.guards.cgroups import Cgroup
from sandbox.guards.files import wall_off_files
from sandbox.guards.namespaces import Namespaces, ipc_guard, tree_guard
from sandbox.guards.network import network_guard
from sandbox.guards.privileges import drop_privileges, signals_guard
from sandbox.guards.rlimits import limit_process
from sandbox.messages import Broken
from sandbox.orders import Setup
from sandbox.outlet import Channel
from sandbox.template import Slots
from sandbox.work import Work


def live(
    setup: Setup, spaces: Namespaces, group: Cgroup, *, channel_fd: int, registry_fd: int
) -> NoReturn:
    """The child's life. Ends the process whatever happens."""
    channel = Channel(channel_fd, frame_bytes=setup.frame_bytes)
    try:
        group.join()
        _settle_in(setup, keep={channel_fd, registry_fd} if setup.slots else {channel_fd})
        slots = Slots(setup, spaces, registry_fd) if setup.slots else None
        guards = _raise_walls(setup, spaces, group)
    except BaseException:  # noqa: BLE001 - our own failure, told as such
        channel.send(Broken(message=traceback.format_exc()))
        os._exit(1)
    try:
        Work(setup, spaces, guards, channel, slots).do()
    finally:
        # No interpreter shutdown: what is left at this point (threads, atexit) can only hang.
        _flush_output()
        os._exit(0)


def _settle_in(setup: Setup, *, keep: set[int]) -> None:
    os.setsid()
    kernel.die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for start, end in pairwise([2, *sorted(keep), os.sysconf("SC_OPEN_MAX")]):
        os.closerange(start + 1, end)
    os.chdir(setup.scratch)
    for stream in _output():
        stream.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[attr-defined]
    # A crash in native code leaves the Python line it happened on in the log.
    faulthandler.enable()


def _raise_walls(setup: Setup, spaces: Namespaces, group: Cgroup) -> list[Guard]:
    limits = limit_process(setup, spaces, for_good=not setup.standby)
    privileges = drop_privileges(wholly="privileges" not in setup.without)
    files, abi = wall_off_files(setup, spaces)
    return [
        tree_guard(spaces),
        group.memory_guard(),
        group.processes_guard(),
        limits,
        files,
        network_guard(spaces, landlock_abi=abi, permitted=setup.network),
        signals_guard(spaces, landlock_abi=abi, scoped="signals" not in setup.without),
        ipc_guard(spaces, forks=bool(setup.slots)),
        privileges,
    ]


def _output() -> tuple[TextIO, TextIO]:
    return sys.stdout, sys.stderr


def _flush_output() -> None:
    for stream in _output():
        with suppress(Exception):  # a plugin may have put anything in their place
            stream.flush()
    kernel.flush_c_streams()
