"""In the child: a plugin that is ready, and forks a standby whenever it is told to.

Whether it can is found by looking: a fork copies only the calling thread, and shares whatever is
shared memory, a pipe or a device. A plugin that left any of these behind in init() is not forked;
its standbys are started afresh.
"""

import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandbox.guards import files, kernel, landlock
from sandbox.guards.namespaces import Namespaces
from sandbox.messages import Fork, Forkable
from sandbox.orders import Setup
from sandbox.outlet import Channel

SLOT: Final = struct.Struct("!I")
TRIAL_SECONDS: Final = 2.0
HARMLESS_DEVICES: Final = frozenset({"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"})


class Slots:
    """The places a template's standbys can take, each with walls of its own."""

    def __init__(self, setup: Setup, spaces: Namespaces, registry_fd: int) -> None:
        self._nest = setup.nest
        self._rulesets: list[int] = []
        with suppress(OSError):  # no Landlock; the list of guards says so, and nobody will fork
            self._rulesets = files.slot_rulesets(setup, spaces)
        self.registry = socket.socket(fileno=registry_fd)

    @property
    def descriptors(self) -> set[int]:
        return {self.registry.fileno(), *self._rulesets}

    def scratch(self, slot: int) -> str:
        return files.box(self._nest, slot)

    def settle(self, slot: int) -> None:
        """Make the calling process the standby in SLOT: known to the keeper, and walled in."""
        self.registry.send(SLOT.pack(slot))
        landlock.enforce(self._rulesets[slot])
        self.registry.close()
        for ruleset in self._rulesets:
            os.close(ruleset)


def become_standby(channel: Channel, slots: Slots) -> tuple[Channel, str]:
    """Fork standbys for as long as the runner asks for them; return in each of these, with its
    channel and its scratch folder. The template itself never returns."""
    own = {channel.fileno(), *slots.descriptors}
    why_not = why_not_forkable(own)
    channel.send(Forkable(why_not=why_not))
    if why_not:
        os._exit(0)
    while True:
        try:
            order = channel.receive(Fork)
        except EOFError:
            os._exit(0)
        _reap()
        flush_output()
        descriptors = [channel.descriptors.pop(0) for _ in range(3)]
        if os.fork() == 0:
            return _settle_in(channel, slots, order.slot, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def why_not_forkable(own: set[int]) -> str:
    """Return why this process cannot be forked safely, for people; empty when it can.

    OWN are the sandbox's descriptors.
    """
    # OpenBLAS ends its threads before a fork and starts them when needed; others do not.
    if not _survives_a_fork():
        return "a fork of it hangs"
    for reason in _reasons(own):
        return reason
    return ""


def _reasons(own: set[int]) -> Iterator[str]:
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        yield f"it has {threads} threads"
    if Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii"):
        yield "it has child processes"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        yield "it has started CUDA"
    if any(" rw-s " in line or " -w-s " in line for line in _maps()):
        yield "it has writable shared memory"
    yield from (f"it has {kind} open" for kind in _shared_descriptors(own))


def _maps() -> list[str]:
    return Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()


def _shared_descriptors(own: set[int]) -> Iterator[str]:
    for number in open_descriptors():
        if number in own or number <= 2:
            continue
        mode = os.fstat(number).st_mode
        target = os.readlink(f"/proc/self/fd/{number}")
        private = stat.S_ISREG(mode) and not target.startswith("/memfd:")
        if not (private or stat.S_ISDIR(mode) or target in HARMLESS_DEVICES):
            yield target


def open_descriptors() -> list[int]:
    """Return this process's open descriptors."""
    numbers = map(int, os.listdir("/proc/self/fd"))
    return [number for number in numbers if os.path.lexists(f"/proc/self/fd/{number}")]


def _survives_a_fork() -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    give_up = time.monotonic() + TRIAL_SECONDS
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.001)
    return True


def _reap() -> None:
    """Collect standbys that are dead; the keeper has read how they ended by now."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                return
        except ChildProcessError:
            return


def flush_output() -> None:
    """Write out what waits in buffers, or each standby would write it too."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kernel.flush_c_streams()


def _settle_in(
    channel: Channel, slots: Slots, slot: int, descriptors: list[int]
) -> tuple[Channel, str]:
    kernel.die_with_parent()
    slots.settle(slot)
    os.setsid()
    frame_bytes = channel.frame_bytes
    channel.close()
    channel_fd, out, err = descriptors
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    return Channel(channel_fd, frame_bytes=frame_bytes), slots.scratch(slot)
