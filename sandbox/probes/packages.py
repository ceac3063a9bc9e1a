"""Packages by PEP 508: installed, in the right version, with what their extras ask for."""

from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

from sandbox.reports import Problem


def check_package(text: str) -> Problem | None:
    """Return what is wrong with the requirement TEXT on this machine; None when it is met."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        return Problem(
            code="package_requirement_invalid",
            message=f"{text!r} under [requires] packages is no PEP 508 requirement: {reason}. "
            "Correct plugin.toml",
        )
    if requirement.marker is not None and not requirement.marker.evaluate():
        return None  # it does not apply to this machine
    return _check_installed(requirement, text)


def _check_installed(requirement: Requirement, text: str) -> Problem | None:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Problem(
            code="package_missing",
            message=f"The package {requirement.name!r} is not installed. Run: pip install "
            f"'{text}', then restart the plugin",
        )
    if not requirement.specifier.contains(version, prereleases=True):
        return Problem(
            code="package_version",
            message=f"The package {requirement.name!r} is installed in version {version}, but "
            f"{requirement.specifier} is required. Run: pip install '{text}', then restart the "
            "plugin",
        )
    return _check_extras(requirement)


def _check_extras(requirement: Requirement) -> Problem | None:
    """An extra is not recorded at installation: its own requirements must be met."""
    for needed in map(Requirement, metadata.requires(requirement.name) or ()):
        if not _belongs_to_an_extra(needed, requirement.extras):
            continue
        bare = Requirement(str(needed))
        bare.marker = None
        if _check_installed(bare, str(bare)) is not None:
            extras = ",".join(sorted(requirement.extras))
            return Problem(
                code="package_extra_missing",
                message=f"The package {requirement.name!r} is installed without its extra "
                f"[{extras}]: {bare} is missing. Run: pip install '{requirement}', then restart "
                "the plugin",
            )
    return None


def _belongs_to_an_extra(needed: Requirement, extras: set[str]) -> bool:
    if needed.marker is None or "extra" not in str(needed.marker):
        return False
    return any(needed.marker.evaluate({"extra": extra}) for extra in extras)
