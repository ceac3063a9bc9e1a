"""Limits that make no sense are refused where they are written."""

import math
from typing import Any

import pytest

import sandbox


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout_seconds", 0),
        ("timeout_seconds", -1),
        ("timeout_seconds", math.nan),
        ("timeout_seconds", math.inf),
        ("timeout_seconds", "60"),
        ("timeout_seconds", True),
        ("memory_bytes", 1.5e9),
        ("memory_bytes", 1 << 20),
        ("processes", 0),
        ("events", None),
    ],
)
def test_a_limit_without_sense_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        sandbox.Limits(**{field: value})


def test_the_defaults_make_sense() -> None:
    assert sandbox.Limits().timeout_seconds == 60
