"""The keeper: one small process per run, between the worker and the plugin.

It builds the walls, starts the run's tree, watches it (deadline, memory, processes, scratch) and
kills it. It does nothing that can block, so the limits hold while the worker waits for a database;
and when the worker dies it sees its control socket close and takes the run down with it.

    worker ── keeper ── init ── child (the plugin) ── whatever it starts

Only the init is forked from here: it is pid 1 of a PID namespace where there is one. The keeper is
subreaper in any case, so every descendant stays below it.
"""

import os
import select
import signal
import socket
import time
import traceback
from contextlib import suppress
from typing import Final, NoReturn

from sandbox import init, processes, protocol
from sandbox.child import live
from sandbox.guards import kernel
from sandbox.guards.cgroups import Cgroup, make_cgroup
from sandbox.guards.namespaces import unshare_for_children
from sandbox.guards.rlimits import THREADS_PER_PROCESS
from sandbox.orders import CONTROL_FRAME_BYTES, Breach, Ended, Setup
from sandbox.watch import Watch

TICK_SECONDS: Final = 0.05
KILL_PATIENCE_SECONDS: Final = 1.2
RECEIVE_BYTES: Final = 1 << 16


class Control:
    """The keeper's end of the control socket."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self._reader = protocol.FrameReader(limit=CONTROL_FRAME_BYTES)

    def receive(self) -> list[dict[str, object]] | None:
        """Return what came; None when the runner is gone."""
        data = b""
        with suppress(ConnectionResetError):
            data = self.socket.recv(RECEIVE_BYTES)
        return [frame.message() for frame in self._reader.feed(data)] if data else None

    def receive_setup(self) -> Setup:
        while (messages := self.receive()) is not None:
            if messages:
                return Setup.from_message(messages[0])
        raise SystemExit  # the runner died before it said what to do

    def send(self, ended: Ended) -> None:
        with suppress(OSError):  # nobody is left to hear it
            self.socket.sendall(protocol.encode(ended.to_message(), limit=CONTROL_FRAME_BYTES))


class Keeper:
    """Holds one run's tree from its start to its end."""

    def __init__(self, control: Control, setup: Setup, group: Cgroup, status_fd: int) -> None:
        self._control = control
        self._watch = Watch(setup, group, root=os.getpid())
        self._group = group
        self._status_fd = status_fd
        self._parent = os.getppid()
        self._kill_at: float | None = None
        self._breach: Breach | None = None

    def watch_to_the_end(self) -> Ended:
        """Return once every process of the run is dead."""
        poll = select.poll()
        poll.register(self._control.socket, select.POLLIN)
        poll.register(self._status_fd, select.POLLIN)
        while self._breach is None:
            ready = {descriptor for descriptor, _mask in poll.poll(TICK_SECONDS * 1000)}
            if self._status_fd in ready:
                break
            if self._control.socket.fileno() in ready:
                self._obey()
            self._breach = self._breach or self._overdue() or self._watch.breach()
        return self._end()

    def _obey(self) -> None:
        messages = self._control.receive()
        if messages is None:
            self._breach = Breach.ORPHANED
            return
        for message in messages:
            if "deadline" in message:
                self._watch.deadline = float(str(message["deadline"]))
            if "stop" in message:
                self._stop(grace_seconds=float(str(message["stop"])))

    def _stop(self, *, grace_seconds: float) -> None:
        self._kill_at = time.monotonic() + grace_seconds
        for pid in self._watch.tree():
            processes.kill(pid, signal.SIGTERM)

    def _overdue(self) -> Breach | None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            return Breach.STOPPED
        # Someone may hold a copy of the control socket, so its closing is not the only sign.
        return Breach.ORPHANED if os.getppid() != self._parent else None

    def _end(self) -> Ended:
        me = os.getpid()
        for pid in processes.children(me):
            processes.kill(pid)  # the init of a PID namespace takes all of it along at once
        processes.kill_all(
            lambda: processes.descendants(me),
            patience_seconds=KILL_PATIENCE_SECONDS,
            between=processes.reap_children,
        )
        status = init.read_status(self._status_fd)
        ended = Ended(
            exit_code=status.exit_code,
            signal=signal.SIGKILL if self._breach else status.signal,
            broken=status.broken,
            breach=self._breach,
            oom_kills=self._group.oom_kills(),
            cpu_seconds=self._watch.cpu_seconds(),
            peak_memory_bytes=self._watch.peak_memory_bytes(),
        )
        self._group.remove()
        return ended


def keep(*, control_fd: int, channel_fd: int) -> NoReturn:
    """Run the keeper's process from its first to its last line."""
    control = Control(control_fd)
    try:
        ended = _keep(control, channel_fd)
    except Exception:  # noqa: BLE001 - our own failure, told as such
        ended = Ended(broken=traceback.format_exc())
    control.send(ended)
    os._exit(0)


def _keep(control: Control, channel_fd: int) -> Ended:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A service manager may signal every process it knows: the worker decides, not the keeper.
        signal.signal(number, signal.SIG_IGN)
    kernel.become_subreaper()
    setup = control.receive_setup()
    tasks = setup.processes * THREADS_PER_PROCESS
    group = make_cgroup(setup.label, memory_bytes=setup.memory_bytes, tasks=tasks)
    spaces = unshare_for_children(network=setup.network)
    status_read, status_write = os.pipe()
    if os.fork() == 0:
        os.close(status_read)
        control.socket.close()
        init.be_init(
            setup,
            spaces,
            group,
            status_fd=status_write,
            channel_fd=channel_fd,
            live=live,
        )
    os.close(status_write)
    _let_go_of_the_channels(channel_fd)
    return Keeper(control, setup, group, status_read).watch_to_the_end()


def _let_go_of_the_channels(channel_fd: int) -> None:
    """Leave the run's channel and output to its tree, so that they end when the tree does."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    os.close(channel_fd)
