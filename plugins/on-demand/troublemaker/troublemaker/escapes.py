"""Attempts on what lies outside, and floods. The attempts tell what came of them."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, TypedDict

from msgspec import Meta

from sandbox.sdk import Run, tool

Megabytes = Annotated[int, Meta(title="Megabytes", ge=1, le=100_000)]
DEFAULT_SECRETS = ["/etc/shadow", "/root", "/proc/1/environ", "/home"]
HIGHEST_DESCRIPTOR = 256


class Attempt(TypedDict):
    target: str
    succeeded: bool
    why: str


class Escapes:
    @tool(title="Print much")
    def print_much(self, megabytes: Megabytes = 10) -> dict[str, int]:
        """Print as if nobody had to keep it."""
        line = "x" * 1023
        for _number in range(megabytes << 10):
            print(line)
        return {"bytes": megabytes << 20}

    @tool(title="Write NULs")
    def write_nuls(self, run: Run) -> dict[str, int]:
        """Write what is no text: NULs, bad UTF-8, lone surrogates, terminal commands."""
        odd = b"\0\0 nul \xff\xfe bad \xed\xa0\x80 surrogate \x1b[2J\x1b]0;owned\x07 end\n"
        run.log("nul \0 and escape \x1b[2J")
        run.emit("odd", {"text": "nul \0 inside"})
        return {"bytes": os.write(1, odd) + os.write(2, odd)}

    @tool(title="Fill scratch")
    def fill_scratch(self, run: Run, megabytes: Megabytes = 100_000) -> None:
        """Fill the disk, in many files."""
        block = b"\1" * (1 << 20)
        for number in range(megabytes):
            run.artifact(f"part-{number % 100}.bin").open("ab").write(block)

    @tool(title="Write garbage")
    def write_garbage(self) -> dict[str, int]:
        """Write nonsense to every descriptor there is, the platform's own channel among them."""
        written = 0
        for descriptor in range(HIGHEST_DESCRIPTOR):
            with suppress(OSError):
                written += os.write(descriptor, b"\xff" * 4096)
        return {"written": written}

    @tool(title="Open network")
    def open_network(
        self,
        host: Annotated[str, Meta(title="Host")] = "127.0.0.1",
        port: Annotated[int, Meta(title="Port", ge=1, le=65535)] = 80,
    ) -> Attempt:
        """Connect to a host."""
        try:
            socket.create_connection((host, port), timeout=3).close()
        except OSError as error:
            return {"target": f"{host}:{port}", "succeeded": False, "why": str(error)}
        return {"target": f"{host}:{port}", "succeeded": True, "why": ""}

    @tool(title="Read secrets")
    def read_secrets(
        self, paths: Annotated[list[str], Meta(title="Paths", max_length=100)] = DEFAULT_SECRETS
    ) -> list[Attempt]:
        """Try to read files and list folders, and its own environment."""
        return [*map(_read, paths), *_environment()]

    @tool(title="Signal outside")
    def signal_outside(self, pid: Annotated[int, Meta(title="Process", ge=1)] = 1) -> Attempt:
        """Send SIGCONT, which does no harm, to a process."""
        try:
            os.kill(pid, signal.SIGCONT)
        except OSError as error:
            return {"target": str(pid), "succeeded": False, "why": str(error)}
        return {"target": str(pid), "succeeded": True, "why": ""}


def _read(path: str) -> Attempt:
    try:
        if os.path.isdir(path):
            os.listdir(path)
        else:
            with open(path, "rb") as file:
                file.read(1)
    except OSError as error:
        return {"target": path, "succeeded": False, "why": error.strerror or str(error)}
    return {"target": path, "succeeded": True, "why": ""}


def _environment() -> Iterator[Attempt]:
    for name in sorted(os.environ):
        yield {"target": f"${name}", "succeeded": True, "why": "in the environment"}
