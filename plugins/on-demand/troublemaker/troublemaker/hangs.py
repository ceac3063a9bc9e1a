"""Hanging, in every way that polite requests do not end."""

import ctypes
import os
import signal
import time

from sandbox.sdk import Run, tool
from troublemaker.answers import Seconds


class Hangs:
    @tool(title="Hang in C")
    def hang_in_c(self, run: Run, seconds: Seconds = 3600) -> None:
        """Sleep in C and keep the interpreter's lock, so that no line of Python runs any more."""
        run.log("hanging in C from here on")
        ctypes.PyDLL(None).sleep(int(seconds))

    @tool(title="Ignore SIGTERM")
    def ignore_sigterm(self, run: Run, seconds: Seconds = 3600) -> None:
        """Be deaf to every signal that can be ignored."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        run.log("deaf from here on")
        time.sleep(seconds)

    @tool(title="Stop itself")
    def stop_itself(self, run: Run) -> None:
        """Freeze: a stopped process gets no signal but SIGKILL and SIGCONT."""
        run.log("stopping")
        os.kill(os.getpid(), signal.SIGSTOP)
