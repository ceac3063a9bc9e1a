"""A plugin's settings: declared in `[config]`, changed by operators, secrets never shown."""

import pytest

from plugins_app.errors import ManifestError
from plugins_app.manifest import ConfigField, Manifest, parse_manifest

HEAD = 'name = "counter"\nversion = "1.0.0"\nentrypoint = "counter:Counter"\n[config]\n'
SETTINGS = """
threshold = {default = 0.5, title = "Threshold", description = "From 0 to 1.", minimum = 0, maximum = 1}
model = {default = "small", choices = ["small", "large"]}
token = {secret = true, title = "API token"}
retries = 3
verbose = false
labels = ["person", "dog"]
"""


def manifest(settings: str = SETTINGS) -> Manifest:
    return parse_manifest(HEAD + settings)


def field(settings: str) -> ConfigField:
    return manifest(settings).config[0]


def test_a_plain_value_is_a_default_with_its_type() -> None:
    kinds = {field.name: (field.type, field.default) for field in manifest().config}
    assert kinds["retries"] == ("integer", 3)
    assert kinds["verbose"] == ("boolean", False)
    assert kinds["labels"] == ("array", ["person", "dog"])


def test_a_table_says_more() -> None:
    assert manifest().config[0] == ConfigField(
        name="threshold",
        default=0.5,
        title="Threshold",
        description="From 0 to 1.",
        type="number",
        minimum=0,
        maximum=1,
    )


def test_a_type_may_be_wider_than_its_default() -> None:
    assert field('step = {default = 1, type = "number"}').problem_with(0.5) == ""


def test_settings_survive_being_stored() -> None:
    assert Manifest.from_json(manifest().to_json()).config == manifest().config


@pytest.mark.parametrize(
    ("declaration", "pointer", "words"),
    [
        ("a = 2024-01-01", "/config/a", "cannot have the default"),
        ("a = nan", "/config/a", "cannot have the default nan"),
        ("a = 9007199254740993", "/config/a", "cannot have the default"),
        ('a = "\\u0000"', "/config/a", "cannot have the default"),
        ("a = [[1]]", "/config/a", "cannot have the default"),
        ("'a-b' = 1", "/config/a-b", "is no name for a setting"),
        ("a = {title = 'x'}", "/config/a/default", "is missing"),
        ("a = {default = inf}", "/config/a/default", "cannot be inf"),
        ("a = {default = 1, typ = 'x'}", "/config/a/typ", "type was probably meant"),
        ("a = {default = 1, type = 'int'}", "/config/a/type", "must be one of boolean, integer"),
        ("a = {default = 'x', type = 'number'}", "/config/a/default", "must be a number, not 'x'"),
        ("a = {default = 1, minimum = 2}", "/config/a/default", "must be at least 2, not 1"),
        ("a = {default = 3, maximum = 2}", "/config/a/default", "must be at most 2, not 3"),
        ("a = {default = 3, maximum = 'x'}", "/config/a/maximum", "must be a number"),
        ("a = {default = 'x', maximum = 2}", "/config/a/maximum", "makes sense for numbers only"),
        ("a = {default = 'x', choices = ['y']}", "/config/a/default", "must be one of 'y'"),
        ("a = {default = 'x', choices = [1]}", "/config/a/choices", "of the same kind"),
        ("a = {default = 'x', choices = []}", "/config/a/choices", "of the same kind"),
        ("a = {secret = true, default = 'x'}", "/config/a/default", "that everyone can read"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(
    declaration: str, pointer: str, words: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        manifest(declaration)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert words in caught.value.faults[0].message


def test_a_change_that_fits_has_no_faults() -> None:
    assert not manifest().config_faults(
        {"threshold": 1, "model": "large", "token": "s3cret", "labels": [], "retries": None}
    )


@pytest.mark.parametrize(
    ("values", "pointer", "words"),
    [
        ({"threshold": 1.5}, "/config/threshold", "must be at most 1, not 1.5"),
        ({"threshold": True}, "/config/threshold", "must be a number, not True"),
        ({"threshold": float("nan")}, "/config/threshold", "must be a number, not nan"),
        ({"retries": 2.5}, "/config/retries", "must be a whole number"),
        ({"verbose": 1}, "/config/verbose", "must be true or false"),
        ({"model": "huge"}, "/config/model", "must be one of 'small', 'large', not 'huge'"),
        ({"token": 3}, "/config/token", "must be text"),
        ({"labels": [{}]}, "/config/labels", "must be a list of numbers or texts"),
        ({"a/b": 1}, "/config/a~1b", "is no setting of this plugin; it has labels, model"),
        ([], "/config", "must be an object"),
    ],
)
def test_a_change_that_does_not_fit_is_named_by_pointer(
    values: object, pointer: str, words: str
) -> None:
    found = manifest().config_faults(values)
    assert [fault.pointer for fault in found] == [pointer]
    assert words in found[0].message


def test_the_values_in_force_are_the_defaults_under_the_overrides() -> None:
    values = manifest().effective_config({"retries": 5, "token": "s3cret"})
    assert values["retries"] == 5
    assert values["token"] == "s3cret"
    assert values["threshold"] == 0.5


def test_an_override_that_a_newer_manifest_does_not_take_yields_to_the_default() -> None:
    values = manifest().effective_config({"threshold": 7, "gone": 1})
    assert values["threshold"] == 0.5
    assert "gone" not in values


def test_a_secret_is_shown_as_set_or_not_set_only() -> None:
    assert manifest().masked_config({})["token"] is None
    assert manifest().masked_config({"token": "s3cret"})["token"] == "set"
    assert "s3cret" not in repr(manifest().masked_config({"token": "s3cret"}))
