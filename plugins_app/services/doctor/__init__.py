"""Looks at the machine and the installation, and says of each failure how to mend it."""

from plugins_app.services.doctor.findings import Finding
from plugins_app.services.doctor.machine import check_machine
from plugins_app.services.doctor.stores import check_stores

__all__ = ["Finding", "diagnose"]


def diagnose() -> tuple[Finding, ...]:
    """Every check, none of which raises. Takes seconds: the guards are tried around a real child."""
    return (*check_machine(), *check_stores())
