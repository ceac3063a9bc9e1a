"""Whatever stands in `plugin.toml`, reading it gives a manifest or a ManifestError, nothing else."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plugins_app.errors import ManifestError
from plugins_app.manifest import Manifest, parse_manifest

DECLARED = parse_manifest(
    'name = "a"\nversion = "1"\nentrypoint = "a:A"\n[config]\nx = {default = 1, maximum = 9}'
)
TOP_KEYS = ["name", "version", "entrypoint", "requires", "models", "limits", "config", "runtime"]
INNER_KEYS = ["gpu", "packages", "path", "sha256", "memory_mb", "network", "reuse", "x"]
CONFIG_KEYS = ["default", "secret", "title", "minimum", "maximum", "choices", "type"]
WORDS = st.sampled_from(TOP_KEYS + INNER_KEYS + CONFIG_KEYS)
SCALARS = (
    st.sampled_from(["counter", "1.0.0", "counter:Counter", "numpy>=1", "weights/a.pt", "number"])
    | st.text(max_size=20)
    | st.integers()
    | st.floats()
    | st.booleans()
)
KEYS = WORDS | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=10)


def as_toml(value: Any) -> str:
    """VALUE on one line, in TOML; JSON's texts are TOML's too, but for lone surrogates."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {as_toml(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


def check(text: str) -> None:
    try:
        manifest = parse_manifest(text)
    except ManifestError as error:
        assert error.faults  # noqa: PT017
        assert error.message  # noqa: PT017
    else:
        stored = json.loads(json.dumps(manifest.to_json(), allow_nan=False))
        assert Manifest.from_json(stored) == manifest
        assert not manifest.config_faults(dict.fromkeys(stored["config"]))


@given(st.text())
def test_any_text_is_a_manifest_or_a_fault(text: str) -> None:
    check(text)


@given(TABLES)
def test_any_tables_are_a_manifest_or_a_fault(tables: dict[str, Any]) -> None:
    check("\n".join(f"{json.dumps(key)} = {as_toml(value)}" for key, value in tables.items()))


@given(TABLES)
def test_any_tables_after_a_good_head_are_a_manifest_or_a_fault(tables: dict[str, Any]) -> None:
    head = {"name": "counter", "version": "1", "entrypoint": "counter:Counter"}
    whole = tables | head
    check("\n".join(f"{json.dumps(key)} = {as_toml(value)}" for key, value in whole.items()))


@given(VALUES)
def test_any_value_for_a_setting_fits_or_is_a_fault(value: Any) -> None:
    if value is not None and not DECLARED.config_faults({"x": value}):
        assert DECLARED.effective_config({"x": value}) == {"x": value}
