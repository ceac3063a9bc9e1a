"""The worker's side of a keeper: start it, speak to it, and never leave it behind."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from sandbox import processes, protocol
from sandbox.errors import SandboxError
from sandbox.guards.cgroups import remove_leftovers
from sandbox.orders import CONTROL_FRAME_BYTES, Confines, Ended, Setup

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


class Kept:
    """A run under a keeper, as its worker holds it: two sockets and what it prints.

    Leaving the `with` block kills whatever still lives.
    """

    control: socket.socket
    channel: socket.socket
    stdout: BinaryIO
    stderr: BinaryIO

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels

    def begin(self, confines: Confines, *, deadline: float) -> None:
        """Put a standby under the limits of the run it is about to do."""
        self._labels += (confines.label,)
        self._tell({"begin": confines.to_message(), "deadline": deadline})

    def set_deadline(self, at: float) -> None:
        """Move the moment, on the monotonic clock, at which the keeper kills the run."""
        self._tell({"deadline": at})

    def stop(self, *, grace_seconds: float) -> None:
        """Ask the run's processes to end, and have them killed when the grace is over."""
        self._tell({"stop": grace_seconds})

    def settle(self) -> Ended | None:
        """Have all killed that a run left beside its child, which stays; return what the run took.

        None when the child cannot be kept.
        """
        self._tell({"settle": True})
        self.control.settimeout(LEAVE_PATIENCE_SECONDS)
        try:
            answer = self.control.recv(CONTROL_FRAME_BYTES)
            (frame,) = protocol.FrameReader(limit=CONTROL_FRAME_BYTES).feed(answer)
            return Ended.from_message(frame.message()["settled"])
        except (OSError, ValueError, KeyError, protocol.ProtocolError):
            return None
        finally:
            self.control.settimeout(None)

    def kill_everything(self) -> None:
        """Kill the run over the keeper's head: for a keeper that no longer does its work."""
        for label in self._labels:
            _kill_marked(label)

    def let_go(self) -> None:
        """Close every line to it. A keeper that sees its control socket closed kills the run."""
        for stream in (self.control, self.channel, self.stdout, self.stderr):
            stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.let_go()

    def _tell(self, message: Mapping[str, object], descriptors: Sequence[int] = ()) -> None:
        frame = protocol.encode(message, limit=CONTROL_FRAME_BYTES)
        with suppress(BrokenPipeError, ConnectionResetError):  # it has ended; Ended says how
            if descriptors:
                socket.send_fds(self.control, [frame], descriptors)
            else:
                self.control.sendall(frame)


class KeptProcess(Kept):
    """A keeper of its own and its run."""

    def __init__(self, setup: Setup) -> None:
        super().__init__((setup.label,))
        self.control, their_control = socket.socketpair()
        self.channel, their_channel = socket.socketpair()
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
        self.stdout = cast("BinaryIO", self._process.stdout)
        self.stderr = cast("BinaryIO", self._process.stderr)
        for stream in (self.stdout, self.stderr):
            os.set_blocking(stream.fileno(), False)
        self.channel.setblocking(False)
        self._tell(setup.to_message())

    def expect(self, slot: int, control: socket.socket) -> None:
        """Tell a template's keeper of the standby that comes into SLOT, and its line to it."""
        self._tell({"standby": slot}, [control.fileno()])

    def let_go(self) -> None:
        super().let_go()
        try:
            self._process.wait(LEAVE_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_everything()
            self._process.kill()
            self._process.wait()


def sweep(label: str) -> int:
    """Kill every process of the run LABEL, for a run whose worker died; return how many."""
    found = len(processes.marked(label))
    if not _kill_marked(label):
        raise SandboxError(f"Processes of the run {label} live on after SIGKILL; see ps and dmesg")
    return found


def _kill_marked(label: str) -> bool:
    gone = processes.kill_all(
        lambda: processes.marked(label), patience_seconds=SWEEP_PATIENCE_SECONDS
    )
    remove_leftovers(label)
    return gone


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
