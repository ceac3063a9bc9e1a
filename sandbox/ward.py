"""A standby under its template's keeper, from its birth to the end of its run."""

import math
import os
import signal
from typing import Final

from sandbox import processes
from sandbox.charge import Charge
from sandbox.control import Control
from sandbox.guards.cgroups import make_cgroup
from sandbox.guards.rlimits import THREADS_PER_PROCESS
from sandbox.orders import Ended, Setup
from sandbox.watch import Watch

KILL_PATIENCE_SECONDS: Final = 1.2


class Ward:
    """Its tree is its control group: nobody leaves one without the right to write there."""

    def __init__(self, control: Control, setup: Setup, *, slot: int) -> None:
        self._group = make_cgroup(
            setup.label,
            memory_bytes=setup.memory_bytes,
            tasks=setup.processes * THREADS_PER_PROCESS,
            number=slot + 1,
        )
        watch = Watch(setup, self._group, find_tree=lambda _most: self._group.pids())
        watch.deadline = math.inf  # until its run begins
        self.charge = Charge(control, watch, idle=True)
        self._pid = 0
        self.pidfd = -1

    @property
    def has_come(self) -> bool:
        return self._pid != 0

    def take_in(self, pid: int) -> None:
        """Put the new-born standby PID into its group, and say so. Raises OSError if it is dead."""
        self.pidfd = os.pidfd_open(pid)
        self._group.take_in(pid)
        self._pid = pid
        self.charge.watch.weigh()  # its run may be over before the first look
        self.charge.control.tell({"joined": pid})

    def end(self) -> Ended:
        """Kill what still lives; return how the standby ended."""
        processes.kill_all(self._group.pids, patience_seconds=KILL_PATIENCE_SECONDS)
        breach = self.charge.breach
        last = processes.last_words(self._pid)
        return Ended(
            exit_code=last.exit_code,
            signal=signal.SIGKILL if breach else last.signal,
            breach=breach,
            oom_kills=self._group.oom_kills(),
            cpu_seconds=last.cpu_seconds,
            peak_memory_bytes=self.charge.watch.peak_memory_bytes(),
        )

    def say_goodbye(self, ended: Ended) -> None:
        """Tell how the standby ended, and let go of all it had."""
        self.charge.control.send(ended)
        self.charge.control.socket.close()
        if self.has_come:
            os.close(self.pidfd)
        self._group.remove()
