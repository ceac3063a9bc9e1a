"""Landlock: the kernel refuses every file, TCP port and signal that is not on the list.

Needs no privilege and cannot be taken off again, also not by children. What it can do grows with
the kernel's Landlock ABI: files (1), TCP (4), device ioctls (5), signals and abstract sockets (6).
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sandbox.guards.kernel import syscall

CREATE_RULESET: Final = 444
ADD_RULE: Final = 445
RESTRICT_SELF: Final = 446
VERSION_FLAG: Final = 1
RULE_PATH_BENEATH: Final = 1

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
MAKE_CHAR: Final = 1 << 6
MAKE_BLOCK: Final = 1 << 11
TRUNCATE: Final = 1 << 14
IOCTL_DEV: Final = 1 << 15

ALL_BY_ABI: Final = {
    1: (1 << 13) - 1,
    2: (1 << 14) - 1,
    3: (1 << 15) - 1,
    5: (1 << 16) - 1,
}
ALL: Final = ALL_BY_ABI[5]
ON_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

TCP: Final = 0b11
SCOPES: Final = 0b11

READ: Final = EXECUTE | READ_FILE | READ_DIR
# No EXECUTE: what a run writes it can load, but not start as a program.
WRITE: Final = ALL_BY_ABI[3] & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK)
DEVICE: Final = READ_FILE | WRITE_FILE | READ_DIR | IOCTL_DEV


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Rights on a path and everything beneath it."""

    path: str
    rights: int


def abi() -> int:
    """Return the kernel's Landlock ABI, or raise OSError where there is none."""
    return syscall(
        CREATE_RULESET,
        "Landlock",
        None,
        ctypes.c_size_t(0),
        ctypes.c_uint32(VERSION_FLAG),
    )


def make_ruleset(
    allowances: Iterable[Allowance], *, deny_tcp: bool, deny_signals: bool = True
) -> int:
    """Return the descriptor of a ruleset of ALLOWANCES and nothing else.

    DENY_SIGNALS: to processes outside, and abstract sockets there.
    """
    version = abi()
    handled = ALL_BY_ABI[max(known for known in ALL_BY_ABI if known <= version)]
    ruleset = _create_ruleset(version, handled, deny_tcp=deny_tcp, deny_signals=deny_signals)
    try:
        for allowance in allowances:
            _add_path(ruleset, allowance, handled)
    except OSError:
        os.close(ruleset)
        raise
    return ruleset


def enforce(ruleset: int) -> None:
    """Hold this process and its children to RULESET, on top of what holds them already."""
    syscall(RESTRICT_SELF, "landlock_restrict_self", ctypes.c_int(ruleset), ctypes.c_uint32(0))


def _create_ruleset(version: int, handled: int, *, deny_tcp: bool, deny_signals: bool) -> int:
    words = [handled]
    if version >= 4:
        words.append(TCP if deny_tcp else 0)
    if version >= 6:
        words.append(SCOPES if deny_signals else 0)
    attributes = struct.pack(f"={len(words)}Q", *words)
    return syscall(
        CREATE_RULESET,
        "landlock_create_ruleset",
        attributes,
        ctypes.c_size_t(len(attributes)),
        ctypes.c_uint32(0),
    )


def _add_path(ruleset: int, allowance: Allowance, handled: int) -> None:
    try:
        descriptor = os.open(allowance.path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = allowance.rights & handled
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= ON_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        syscall(
            ADD_RULE,
            f"landlock_add_rule {allowance.path}",
            ctypes.c_int(ruleset),
            ctypes.c_int(RULE_PATH_BENEATH),
            rule,
            ctypes.c_uint32(0),
        )
    finally:
        os.close(descriptor)
