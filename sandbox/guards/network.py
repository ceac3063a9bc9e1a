"""No network unless permitted: an empty network namespace, else Landlock's rules for TCP."""

from typing import Final

from sandbox.guards import Guard, absent, degraded, enforced
from sandbox.guards.namespaces import Namespaces

LANDLOCK_TCP_ABI: Final = 4


def network_guard(spaces: Namespaces, *, landlock_abi: int, permitted: bool) -> Guard:
    if permitted:
        return absent("network", "open", "the plugin's manifest asks for the network")
    if spaces.net:
        return enforced("network", "empty network namespace")
    why = f"no network namespace ({spaces.errors['net']})"
    if landlock_abi >= LANDLOCK_TCP_ABI:
        return degraded("network", "Landlock refuses TCP", f"{why}; UDP stays open")
    return absent("network", "nothing", f"{why}, and Landlock ABI {landlock_abi} has no TCP rules")
