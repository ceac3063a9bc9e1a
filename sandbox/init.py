"""The first process of a run's tree: starts the child, reaps orphans, tells how the child ended.

It is pid 1 of the run's PID namespace where there is one, so the kernel kills everything in the
namespace the moment it leaves; and it leaves when the child ends or the keeper dies.
"""

import json
import os
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from sandbox.guards import kernel
from sandbox.guards.cgroups import Cgroup
from sandbox.guards.files import visible_paths
from sandbox.guards.namespaces import Namespaces, close_system_v, mount_own_views
from sandbox.orders import Setup

Live = Callable[..., NoReturn]

# A pipe takes this much in one piece.
MOST_STATUS_BYTES: Final = 4096


@dataclass(frozen=True, kw_only=True)
class ChildStatus:
    """How the child ended; all None when its init was killed before it could tell."""

    exit_code: int | None = None
    signal: int | None = None
    broken: str | None = None


def be_init(
    setup: Setup,
    spaces: Namespaces,
    group: Cgroup,
    *,
    status_fd: int,
    channel_fd: int,
    registry_fd: int,
    live: Live,
) -> NoReturn:
    """Start the child and stay until it ends."""
    try:
        kernel.die_with_parent()
        kernel.become_subreaper()
        group.open_doors()
        mount_own_views(
            spaces,
            paths=visible_paths(setup),
            over=setup.scratch,
            shm_bytes=setup.memory_bytes // 4,
        )
        if setup.slots:
            close_system_v(spaces)
        child = os.fork()
        if child == 0:
            os.close(status_fd)
            live(setup, spaces, group, channel_fd=channel_fd, registry_fd=registry_fd)
        _leave_output_to(channel_fd)
        _tell(status_fd, _status_of(_reap_until_ended(child)))
    except BaseException:  # noqa: BLE001 - our own failure, told as such
        _tell(status_fd, {"broken": traceback.format_exc()[-MOST_STATUS_BYTES // 2 :]})
    os._exit(0)


def read_status(status_fd: int) -> ChildStatus:
    """Return what the init wrote before it ended; call it when the init is dead."""
    data = b""
    while chunk := os.read(status_fd, 1 << 16):
        data += chunk
    return ChildStatus(**json.loads(data)) if data else ChildStatus()


def _reap_until_ended(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            return status


def _status_of(status: int) -> dict[str, int]:
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return {"exit_code": os.WEXITSTATUS(status)}


def _tell(status_fd: int, status: Mapping[str, int | str]) -> None:
    with suppress(OSError):
        os.write(status_fd, json.dumps(status).encode())


def _leave_output_to(channel_fd: int) -> None:
    """Let the child alone hold the channel and the output."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    os.close(channel_fd)
