"""Processes that want to outlive their run, or to be too many."""

import os
import time
from typing import Annotated

from msgspec import Meta

from sandbox.sdk import Run, tool


class Processes:
    @tool(title="Fork grandchildren")
    def fork_grandchildren(
        self, count: Annotated[int, Meta(title="Grandchildren", ge=1, le=50)] = 3
    ) -> dict[str, int]:
        """Answer, and leave daemons behind: a session of their own, forked twice, deaf."""
        for _number in range(count):
            child = os.fork()
            if child == 0:
                _become_daemon()
            os.waitpid(child, 0)
        return {"left_behind": count}

    @tool(title="Fork storm")
    def fork_storm(self, run: Run) -> None:
        """Fork without end."""
        run.log("forking without end")
        while True:
            try:
                if os.fork() == 0:
                    time.sleep(3600)
            except OSError:
                time.sleep(0.01)


def _become_daemon() -> None:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        time.sleep(3600)
    os._exit(0)
