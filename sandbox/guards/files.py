"""Which files a run may touch: the interpreter and its packages, its plugin, its inputs; scratch.

Everything else is closed, the platform's data directory, settings and other runs included. Prefixes
are opened by their usual folders, never whole: an application under /usr/src stays out of sight.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sandbox.guards import SWITCHED_OFF, Guard, absent, degraded, enforced, landlock
from sandbox.guards.landlock import (
    ALL,
    DEVICE,
    READ,
    READ_FILE,
    WRITE,
    WRITE_FILE,
    Allowance,
)
from sandbox.guards.namespaces import Namespaces
from sandbox.orders import Setup

HOW: Final = (
    "a root of its own and Landlock: interpreter, packages, plugin, input to read, scratch to write"
)
PREFIX_PARTS: Final = (
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libexec",
    "include",
    "share",
)
ETC: Final = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/mime.types",
    "/etc/fonts",
    "/etc/alternatives",
)
ETC_NETWORK: Final = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/services",
    "/etc/ssl",
)
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
# What remains readable of a /proc that shows the whole machine.
SHARED_PROC: Final = (
    "cpuinfo",
    "meminfo",
    "stat",
    "uptime",
    "loadavg",
    "version",
    "self",
    "sys",
)
GPU_FOLDERS: Final = (
    "/sys",
    "/opt",
    "/usr/local/nvidia",
    "/usr/local/cuda",
    "/etc/OpenCL",
)
PROCESSOR_FOLDERS: Final = ("/sys/devices/system/cpu", "/sys/devices/system/node")


def wall_off_files(setup: Setup, spaces: Namespaces) -> tuple[Guard, int]:
    """Restrict this process; return the guard and the Landlock ABI (0: none)."""
    allowances = [*_common(setup, spaces), *_own(setup)]
    if "files" in setup.without:
        allowances.append(Allowance(path="/", rights=ALL))
    try:
        version = landlock.abi()
        ruleset = landlock.make_ruleset(
            allowances,
            deny_tcp=_denies_tcp(setup),
            deny_signals="signals" not in setup.without,
        )
        landlock.enforce(ruleset)
        os.close(ruleset)
    except OSError as error:
        if spaces.own_root:
            why = f"what is seen can be written ({error})"
            return degraded("files", "a root of its own", why), 0
        return absent("files", HOW, f"no Landlock: {error}"), 0
    if "files" in setup.without:
        return absent("files", HOW, SWITCHED_OFF), version
    if not spaces.own_root:
        why = "no mount namespace" if not spaces.pid else spaces.errors.get("root", "")
        return degraded("files", HOW, f"socket files stay within reach ({why})"), version
    if version < 3:
        why = f"Landlock ABI {version} cannot stop truncation of files; kernel 6.2 can"
        return degraded("files", HOW, why), version
    return enforced("files", f"{HOW} (ABI {version})"), version


def visible_paths(setup: Setup) -> list[str]:
    """Return what a root of the run's own must hold; nothing for no such root."""
    if "files" in setup.without:
        return []
    allowances = [*_common(setup, Namespaces()), *_own(setup)]
    views = ("/proc", "/dev/shm")  # the run gets its own of these
    return [allowed.path for allowed in allowances if not allowed.path.startswith(views)]


def slot_rulesets(setup: Setup, spaces: Namespaces) -> list[int]:
    """Return a ruleset for each of a template's slots, to be enforced by the standby in it.

    Made before there is any plugin code, and before this process is restricted itself.
    """
    common = list(_common(setup, spaces))
    common.append(Allowance(path=setup.scratch, rights=READ))
    return [
        landlock.make_ruleset(
            [
                *common,
                Allowance(path=box(setup.nest, slot), rights=WRITE),
                Allowance(path=inputs(setup.nest, slot), rights=READ),
            ],
            deny_tcp=_denies_tcp(setup),
        )
        for slot in range(setup.slots)
    ]


def _denies_tcp(setup: Setup) -> bool:
    return not setup.network and "network" not in setup.without


def box(nest: str, slot: int) -> str:
    """Return the folder of a standby that it can write."""
    return f"{nest}/{slot}/box"


def inputs(nest: str, slot: int) -> str:
    """Return the folder of a standby that its input files appear in."""
    return f"{nest}/{slot}/inputs"


def _own(setup: Setup) -> Iterator[Allowance]:
    yield Allowance(path=setup.scratch, rights=WRITE)
    for slot in range(setup.slots):
        yield Allowance(path=box(setup.nest, slot), rights=WRITE)
        yield Allowance(path=inputs(setup.nest, slot), rights=READ)


def _common(setup: Setup, spaces: Namespaces) -> Iterator[Allowance]:
    for path in _readable(setup, spaces):
        yield Allowance(path=path, rights=READ)
    for path in DEVICES:
        yield Allowance(path=path, rights=READ_FILE | WRITE_FILE)
    if spaces.own_shm:
        yield Allowance(path="/dev/shm", rights=WRITE)
    if setup.gpu:
        yield from (Allowance(path=path, rights=DEVICE) for path in _gpu_devices())


def _readable(setup: Setup, spaces: Namespaces) -> Iterator[str]:
    yield setup.plugin_folder
    yield from setup.readable
    yield str(Path(__file__).resolve().parents[1])
    for prefix in {
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        "/usr",
        "/usr/local",
        "/",
    }:
        yield from (
            os.path.join(prefix, part) for part in PREFIX_PARTS if prefix + part != "/share"
        )
    yield os.path.join(sys.prefix, "pyvenv.cfg")
    yield from (entry for entry in sys.path if entry)
    yield from ETC
    yield from ETC_NETWORK if setup.network else ()
    yield from (("/proc",) if spaces.own_proc else (f"/proc/{name}" for name in SHARED_PROC))
    yield from _gpu_folders() if setup.gpu else PROCESSOR_FOLDERS


def _gpu_folders() -> Iterator[str]:
    yield from GPU_FOLDERS
    # Where a container's runtime puts the driver's libraries.
    yield from filter(os.path.isabs, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))


def _gpu_devices() -> Iterator[str]:
    for name in os.listdir("/dev"):
        if name.startswith("nvidia") or name in ("dri", "dxg"):
            yield f"/dev/{name}"
