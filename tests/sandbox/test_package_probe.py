"""Packages by PEP 508."""

import pytest

from sandbox.probes.packages import check_package


@pytest.mark.parametrize(
    "requirement",
    [
        "numpy",
        "NumPy>=1.26",
        "numpy>=1,<99",
        "absent; python_version < '3'",
        "daphne[tests]>=0; python_version < '3'",
    ],
)
def test_what_is_met_or_does_not_apply_passes(requirement: str) -> None:
    assert check_package(requirement) is None


@pytest.mark.parametrize(
    ("requirement", "code", "words"),
    [
        ("no-such-package>=2", "package_missing", "pip install 'no-such-package>=2'"),
        ("numpy>=99", "package_version", ">=99 is required"),
        ("numpy==99.*", "package_version", "is installed in version"),
        ("numpy >>> 1", "package_requirement_invalid", "Correct plugin.toml"),
        ("", "package_requirement_invalid", "PEP 508"),
        ("hypothesis[pandas]", "package_extra_missing", "without its extra [pandas]"),
    ],
)
def test_what_is_not_met_says_what_to_do(requirement: str, code: str, words: str) -> None:
    problem = check_package(requirement)
    assert problem is not None
    assert problem.code == code
    assert words in problem.message
