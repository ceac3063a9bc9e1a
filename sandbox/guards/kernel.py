"""The few system calls Python has no name for. Each raises OSError with the kernel's reason."""

import ctypes
import errno
import os
import signal
from typing import Any, Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38

SYS_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41, "riscv64": 41}

_libc: Final = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int, what: str) -> None:
    none = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), none, none, none), f"prctl {what}")


def unshare(flags: int, what: str) -> None:
    _checked(_libc.unshare(flags), f"unshare {what}")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    words = (os.fsencode(word) for word in (source, target, kind))
    source_, target_, kind_ = words
    result = _libc.mount(source_, target_, kind_, ctypes.c_ulong(flags), os.fsencode(options))
    _checked(result, f"mount {kind or target}")


def umount(target: str, flags: int) -> None:
    _checked(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    """See pivot_root(2); libc has no function of that name."""
    number = SYS_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, f"pivot_root has no known number on {os.uname().machine}")
    syscall(number, "pivot_root", os.fsencode(new_root), os.fsencode(put_old))


def syscall(number: int, what: str, *arguments: Any) -> int:
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), what)


def capset(header: bytes, data: bytes) -> None:
    _checked(_libc.capset(header, data), "capset")


def flush_c_streams() -> None:
    """Write out what native code printed and libc still holds back."""
    _libc.fflush(None)


def die_with_parent() -> None:
    """Have the kernel SIGKILL this process when its parent dies. Forks and new users clear it."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, "PR_SET_PDEATHSIG")


def become_subreaper() -> None:
    """Inherit every orphan of this process's descendants, so that none slips away to init."""
    prctl(PR_SET_CHILD_SUBREAPER, 1, "PR_SET_CHILD_SUBREAPER")
