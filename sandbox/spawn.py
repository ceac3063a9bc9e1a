"""The worker's side of a keeper: start it, speak to it, and never leave it behind."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sandbox import processes, protocol
from sandbox.errors import SandboxError
from sandbox.guards.cgroups import remove_leftovers
from sandbox.orders import CONTROL_FRAME_BYTES, Setup

BOOT: Final = Path(__file__).with_name("boot.py")
PATH: Final = "/usr/local/bin:/usr/bin:/bin"
# Not secrets, and without them a GPU process looks for its driver and devices in vain.
GPU_VARIABLES: Final = (
    "CUDA_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_VISIBLE_DEVICES",
)
LEAVE_PATIENCE_SECONDS: Final = 2.0
SWEEP_PATIENCE_SECONDS: Final = 2.0


class KeptProcess:
    """A keeper and its run. Leaving the `with` block kills whatever still lives."""

    def __init__(self, setup: Setup) -> None:
        self.control, their_control = socket.socketpair()
        self.channel, their_channel = socket.socketpair()
        self._label = setup.label
        handed = (their_control.fileno(), their_channel.fileno())
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", str(BOOT), *map(str, handed)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=handed,
                cwd="/",
                env=_environment(setup),
                start_new_session=True,
            )
        except OSError as error:
            self.control.close()
            self.channel.close()
            raise SandboxError(f"The sandbox could not start a process: {error}") from error
        finally:
            their_control.close()
            their_channel.close()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdout = self._process.stdout
        self.stderr = self._process.stderr
        for stream in (self.stdout, self.stderr):
            os.set_blocking(stream.fileno(), False)
        self.channel.setblocking(False)
        self._tell(setup.to_message())

    def set_deadline(self, at: float) -> None:
        """Move the moment, on the monotonic clock, at which the keeper kills the run."""
        self._tell({"deadline": at})

    def stop(self, *, grace_seconds: float) -> None:
        """Ask the run's processes to end, and have them killed when the grace is over."""
        self._tell({"stop": grace_seconds})

    def kill_everything(self) -> None:
        """Kill the run over the keeper's head: for a keeper that no longer does its work."""
        processes.kill_all(
            lambda: processes.marked(self._label),
            patience_seconds=SWEEP_PATIENCE_SECONDS,
        )
        remove_leftovers(self._label)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._let_go()
        try:
            self._process.wait(LEAVE_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_everything()
            self._process.kill()
            self._process.wait()

    def _let_go(self) -> None:
        # A keeper that sees its control socket closed kills the run and leaves.
        for stream in (self.control, self.channel, self.stdout, self.stderr):
            stream.close()

    def _tell(self, message: Mapping[str, object]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has ended; Ended says how
            self.control.sendall(protocol.encode(message, limit=CONTROL_FRAME_BYTES))


def sweep(label: str) -> int:
    """Kill every process of the run LABEL, for a run whose worker died; return how many."""
    found = len(processes.marked(label))
    gone = processes.kill_all(
        lambda: processes.marked(label), patience_seconds=SWEEP_PATIENCE_SECONDS
    )
    if not gone:
        raise SandboxError(f"Processes of the run {label} live on after SIGKILL; see ps and dmesg")
    remove_leftovers(label)
    return found


def monotonic_in(seconds: float) -> float:
    return time.monotonic() + seconds


def _environment(setup: Setup) -> dict[str, str]:
    environment = {
        processes.MARKER: setup.label,
        "HOME": setup.scratch,
        "LANG": "C.UTF-8",
        "PATH": PATH,
        "TMPDIR": f"{setup.scratch}/tmp",
    }
    if setup.gpu:
        environment |= {name: os.environ[name] for name in GPU_VARIABLES if name in os.environ}
    return environment
