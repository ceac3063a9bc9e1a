"""Nothing to win: no new privileges by any program, no capabilities, nobody outside to signal."""

import errno
import struct
from typing import Final

from sandbox.guards import SWITCHED_OFF, Guard, degraded, enforced
from sandbox.guards.kernel import PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, capset, prctl
from sandbox.guards.namespaces import Namespaces

CAPABILITY_VERSION_3: Final = 0x20080522
LANDLOCK_SCOPE_ABI: Final = 6
MORE_THAN_ALL_CAPABILITIES: Final = 64
NO_CAPABILITIES: Final = bytes(24)


def drop_privileges(*, wholly: bool = True) -> Guard:
    """Drop all there are; not WHOLLY: the kernel asks for no_new_privs at least."""
    how = "no_new_privs, every capability dropped"
    prctl(PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS")
    if not wholly:
        return degraded("privileges", "no_new_privs", SWITCHED_OFF)
    try:
        _empty_bounding_set()
        _drop_capabilities()
    except OSError as error:
        return degraded("privileges", "no_new_privs", str(error))
    return enforced("privileges", how)


def _empty_bounding_set() -> None:
    for capability in range(MORE_THAN_ALL_CAPABILITIES):
        try:
            prctl(PR_CAPBSET_DROP, capability, "PR_CAPBSET_DROP")
        except OSError as error:
            # EINVAL: past the kernel's last capability. EPERM: an ordinary user, who has none.
            if error.errno in (errno.EINVAL, errno.EPERM):
                return
            raise


def _drop_capabilities() -> None:
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    capset(header, NO_CAPABILITIES)


def signals_guard(spaces: Namespaces, *, landlock_abi: int, scoped: bool = True) -> Guard:
    if not scoped:
        return degraded("signals", "the kernel's checks of users", SWITCHED_OFF)
    if landlock_abi >= LANDLOCK_SCOPE_ABI:
        return enforced("signals", "Landlock scopes signals and abstract sockets to the run")
    if spaces.pid:
        how = "PID namespace: processes outside cannot be named"
        return degraded("signals", how, "abstract sockets stay reachable before Landlock ABI 6")
    why = f"neither a PID namespace nor Landlock's scopes (ABI {landlock_abi}, needs 6)"
    return degraded("signals", "the kernel's checks of users", why)
