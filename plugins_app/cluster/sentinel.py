"""django-q2's sentinel, held short: what hangs or orphans in the original cannot here.

- Its queues, flags and timers have no lock that a killed process could take along.
- Every process of the cluster dies with its parent, and stands in a process group of its own.
- SIGTERM, SIGINT and SIGHUP end none of them by themselves: only the flag of a drain does.
- No task has a timeout: a run's limits are the sandbox's business, and the two must never race.
"""

import os
import signal
import uuid
from contextlib import AbstractContextManager, ExitStack, nullcontext
from multiprocessing import current_process
from multiprocessing.sharedctypes import RawValue
from types import FrameType
from typing import Any, Final

from django_q.cluster import Sentinel, get_mp_context
from django_q.worker import worker

from plugins_app.cluster import identity
from plugins_app.cluster.broker import Doorbell
from plugins_app.cluster.channel import Channel, Flag
from plugins_app.services import sandboxing

ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NO_TIMEOUT: Final = None


class LoneTimer:
    """The time a task has left, as django-q2 keeps it; here it says only how a worker ended."""

    def __init__(self) -> None:
        self._shared = RawValue("f", -1)

    @property
    def value(self) -> float:
        return float(self._shared.value)

    @value.setter
    def value(self, seconds: float) -> None:
        self._shared.value = seconds

    def get_lock(self) -> AbstractContextManager[None]:
        return nullcontext()


class LeashedSentinel(Sentinel):
    """Guards QUEUE's workers, POOL_SIZE of them, until STOPPED is set and they are done."""

    def __init__(self, *, queue: str, pool_size: int, started: Flag, stopped: Flag) -> None:
        super().__init__(stopped, started, uuid.uuid4(), Doorbell(list_key=queue), start=False)
        outlive_signals()
        self.pool_size = pool_size
        self.task_queue = Channel(room_for_one=True)
        self.result_queue = Channel()
        self.event_out = Flag()

    def spawn_worker(self) -> None:
        timer = LoneTimer()
        arguments = (self.task_queue, self.result_queue, timer, self.queue_name())
        process = get_mp_context().Process(target=work, args=arguments, daemon=True)
        process.timer = timer
        self.pool.append(process)
        process.start()


def guard(queue: str, pool_size: int, started: Flag, stopped: Flag) -> None:
    """Be the cluster: what the forked child of `run_workers` does."""
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*ENDING_SIGNALS, signal.SIGCHLD})
    LeashedSentinel(queue=queue, pool_size=pool_size, started=started, stopped=stopped).start()


def work(tasks: Channel, results: Channel, timer: LoneTimer, queue: str) -> None:
    """Be one worker: announced before the first task, gone with a goodbye after the last."""
    current_process().name = f"worker-{os.getpid()}"
    mine = identity.Identity([queue])
    identity.assume(mine)
    mine.start()
    with ExitStack() as goodbyes:
        goodbyes.callback(mine.leave)
        goodbyes.callback(sandboxing.close_nursery)
        worker(tasks, results, timer, NO_TIMEOUT)


def outlive_signals() -> None:
    # A handler, not SIG_IGN: that would be inherited by every program a plugin starts.
    for number in ENDING_SIGNALS:
        signal.signal(number, _pass_over)


def _pass_over(_number: int, _frame: FrameType | None) -> Any:
    """A drain is told by its flag; a whole group may have been sent this signal."""
