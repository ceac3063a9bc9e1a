"""The keeper: one small process per run, between the worker and the plugin.

It builds the walls, starts the run's tree, watches it (deadline, memory, processes, scratch) and
kills it. It does nothing that can block, so the limits hold while the worker waits for a database;
and when the worker dies it sees its control socket close and takes the run down with it.

    worker ── keeper ── init ── child (the plugin) ── whatever it starts

Only the init is forked from here: it is pid 1 of a PID namespace where there is one. The keeper is
subreaper in any case, so every descendant stays below it.
"""

import os
import resource
import select
import signal
import socket
import traceback
from typing import Final, NoReturn

from sandbox import init, processes
from sandbox.charge import Charge
from sandbox.child import live
from sandbox.control import Control
from sandbox.guards import kernel
from sandbox.guards.cgroups import Cgroup, make_cgroup
from sandbox.guards.namespaces import unshare_for_children
from sandbox.guards.rlimits import THREADS_PER_PROCESS
from sandbox.nurse import Nurse
from sandbox.orders import Breach, Ended
from sandbox.watch import Watch

KILL_PATIENCE_SECONDS: Final = 1.2
MANY: Final = 1 << 20


class Keeper:
    """Holds one run's tree from its start to its end."""

    def __init__(self, charge: Charge, group: Cgroup, status_fd: int) -> None:
        self._charge = charge
        self._charge.on_settle = self._settle
        self._group = group
        self._status_fd = status_fd
        self._cpu_before = 0.0

    def watch_to_the_end(self) -> Ended:
        """Return once every process of the run is dead."""
        poll = select.poll()
        poll.register(self._charge.control.socket, select.POLLIN)
        poll.register(self._status_fd, select.POLLIN)
        while self._charge.look() is None:
            ready = {event[0] for event in poll.poll(self._charge.seconds_between_looks * 1000)}
            if self._status_fd in ready:
                break
            if ready:
                self._charge.obey()
        return self.end()

    def _settle(self) -> None:
        """Kill what a run left beside its child, which stays; tell what the run took."""
        child = child_of_init()
        settled = processes.kill_all(
            lambda: [
                pid for pid in tree_below_init(MANY) if pid != child and processes.is_alive(pid)
            ],
            patience_seconds=KILL_PATIENCE_SECONDS,
        )
        if not settled:
            self._charge.breach = Breach.STOPPED
            return
        cpu = processes.cpu_seconds(child)
        peak = self._charge.watch.peak_memory_bytes()
        took = Ended(cpu_seconds=cpu - self._cpu_before, peak_memory_bytes=peak)
        self._cpu_before = cpu
        self._charge.rest()
        self._charge.control.tell({"settled": took.to_message()})

    def end(self) -> Ended:
        """Kill what still lives; return how the child ended."""
        kill_the_tree()
        status = init.read_status(self._status_fd)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        breach = self._charge.breach
        ended = Ended(
            exit_code=status.exit_code,
            signal=signal.SIGKILL if breach else status.signal,
            broken=status.broken,
            breach=breach,
            oom_kills=self._group.oom_kills(),
            cpu_seconds=used.ru_utime + used.ru_stime,
            # A peak between two looks shows in the largest process at least.
            peak_memory_bytes=max(self._charge.watch.peak_memory_bytes(), used.ru_maxrss * 1024),
        )
        self._group.remove()
        return ended


def tree_below_init(most: int) -> list[int]:
    """Return at most about MOST processes of the run; the keeper's own init is none of them."""
    me = os.getpid()
    inits = processes.children(me)[:1]
    return [pid for pid in processes.descendants(me, most=most) if pid not in inits]


def child_of_init() -> int:
    """Return the plugin's process: the init's first child, before any orphans it inherited."""
    init_pid = processes.children(os.getpid())[0]
    return processes.children(init_pid)[0]


def kill_the_tree() -> None:
    """Kill everything below this process, and see it dead."""
    me = os.getpid()
    for pid in processes.children(me):
        processes.kill(pid)  # the init of a PID namespace takes all of it along at once
    processes.kill_all(
        lambda: processes.descendants(me),
        patience_seconds=KILL_PATIENCE_SECONDS,
        between=processes.reap_children,
    )


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
    group = make_cgroup(
        setup.label, memory_bytes=setup.memory_bytes, tasks=tasks, without=setup.without
    )
    spaces = unshare_for_children(network=setup.network, without=setup.without)
    status_read, status_write = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    if os.fork() == 0:
        os.close(status_read)
        ours.close()
        control.socket.close()
        init.be_init(
            setup,
            spaces,
            group,
            status_fd=status_write,
            channel_fd=channel_fd,
            registry_fd=theirs.fileno(),
            live=live,
        )
    os.close(status_write)
    theirs.close()
    _let_go_of_the_channels(channel_fd)
    if setup.slots:
        watch = Watch(setup, group, find_tree=lambda most: group.pids() or tree_below_init(most))
        nurse = Nurse(Charge(control, watch), setup, group, status_fd=status_read, registry=ours)
        nurse.watch_to_the_end()
        return Keeper(nurse.charge, group, status_read).end()
    charge = Charge(control, Watch(setup, group, find_tree=tree_below_init), idle=setup.standby)
    return Keeper(charge, group, status_read).watch_to_the_end()


def _let_go_of_the_channels(channel_fd: int) -> None:
    """Leave the run's channel and output to its tree, so that they end when the tree does."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    os.close(channel_fd)
