"""Namespaces: the tree, the network and shared memory of a run, cut off from the machine's.

Two steps, because a process cannot move itself into a new PID namespace: the keeper unshares, its
first child is that namespace's init, and only the init can mount the namespace's own /proc.
An ordinary user gets a user namespace first; where that is forbidden, what remains is said.
"""

import os
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sandbox.guards import SWITCHED_OFF, Guard, absent, degraded, enforced
from sandbox.guards.kernel import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    PR_SET_DUMPABLE,
    mount,
    prctl,
    unshare,
)
from sandbox.guards.root import enter_own_root, leave_old_root

GUARD_OF: Final = {"pid": "process_tree", "ipc": "shared_memory", "net": "network"}
SYSTEM_V_LIMITS: Final = {
    "kernel/shmmni": "0",
    "kernel/msgmni": "0",
    "kernel/sem": "0 0 0 0",
    "fs/mqueue/queues_max": "0",
}
SAFE: Final = MS_NOSUID | MS_NODEV | MS_NOEXEC


@dataclass(kw_only=True)
class Namespaces:
    """Which namespaces this run got; `errors` says why the others are missing."""

    user: bool = False
    pid: bool = False
    net: bool = False
    ipc: bool = False
    own_root: bool = False
    own_proc: bool = False
    own_shm: bool = False
    system_v_closed: bool = False
    errors: dict[str, str] = field(default_factory=dict)

    def attempt(self, name: str, flag: int) -> None:
        try:
            unshare(flag, name)
            setattr(self, name, True)
        except OSError as error:
            self.errors[name] = str(error)

    def attempt_mount(self, view: str, do_mount: Callable[[], None]) -> None:
        try:
            do_mount()
            setattr(self, f"own_{view}", True)
        except OSError as error:
            self.errors[view] = str(error)


def unshare_for_children(*, network: bool, without: Container[str] = ()) -> Namespaces:
    """Unshare what can be; the caller's next child is the init of the new PID namespace."""
    spaces = Namespaces()
    if os.geteuid() != 0:
        _become_root_of_own_user_namespace(spaces)
    wanted = {"pid": CLONE_NEWPID, "ipc": CLONE_NEWIPC} | ({} if network else {"net": CLONE_NEWNET})
    for name, flag in wanted.items():
        if GUARD_OF[name] in without:
            spaces.errors[name] = SWITCHED_OFF
        else:
            spaces.attempt(name, flag)
    return spaces


def _become_root_of_own_user_namespace(spaces: Namespaces) -> None:
    uid, gid = os.geteuid(), os.getegid()
    spaces.attempt("user", CLONE_NEWUSER)
    if not spaces.user:
        return
    # The kernel wants setgroups closed before an ordinary user may map a group.
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    # The change of credentials made us undumpable: our own /proc files would be closed to us.
    prctl(PR_SET_DUMPABLE, 1, "PR_SET_DUMPABLE")


def mount_own_views(spaces: Namespaces, *, paths: Iterable[str], over: str, shm_bytes: int) -> None:
    """In the namespace's init: a root that holds only PATHS, a /proc that shows this run only, and
    a /dev/shm that dies with it. OVER is a folder that is one of PATHS; without any the root stays.
    """
    if not spaces.pid:
        return
    try:
        unshare(CLONE_NEWNS, "mount")
        mount("none", "/", "", MS_REC | MS_PRIVATE)
    except OSError as error:
        for view in ("root", "proc", "shm"):
            spaces.errors[view] = str(error)
        return
    if paths := list(paths):
        spaces.attempt_mount("root", lambda: enter_own_root(paths, over=over))
    spaces.attempt_mount("proc", lambda: mount("proc", "/proc", "proc", SAFE))
    if spaces.ipc:
        options = f"size={shm_bytes},mode=1777"
        spaces.attempt_mount("shm", lambda: mount("tmpfs", "/dev/shm", "tmpfs", SAFE, options))
    if spaces.own_root:
        leave_old_root()


def close_system_v(spaces: Namespaces) -> None:
    """Allow no System V shared memory, semaphores and queues, and no POSIX queues, in this run.

    They outlive the process that made them, so runs that share a namespace could meet there.
    """
    if not spaces.ipc:
        return
    try:
        for name, value in SYSTEM_V_LIMITS.items():
            Path(f"/proc/sys/{name}").write_text(value, encoding="ascii")
        spaces.system_v_closed = True
    except OSError as error:
        spaces.errors["system_v"] = str(error)


def tree_guard(spaces: Namespaces) -> Guard:
    if spaces.pid:
        return enforced("process_tree", "PID namespace: its init dies, everything in it dies")
    how = "subreaper, SIGKILL to every descendant, marker in the environment"
    why = (
        f"no PID namespace ({spaces.errors['pid']}); what outlives a kill -9 of the worker is swept"
    )
    return degraded("process_tree", how, why)


def ipc_guard(spaces: Namespaces, *, forks: bool) -> Guard:
    if forks and not spaces.system_v_closed:
        why = spaces.errors.get("system_v", "no IPC namespace")
        return degraded("shared_memory", "private /dev/shm", f"System V memory stays open: {why}")
    if spaces.ipc and spaces.own_shm:
        return enforced("shared_memory", "IPC namespace and a private /dev/shm")
    why = spaces.errors.get("ipc") or spaces.errors.get("shm", "no PID namespace")
    return absent("shared_memory", "IPC namespace and a private /dev/shm", why)
