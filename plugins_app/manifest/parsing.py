"""From the text of a `plugin.toml` to a Manifest."""

import posixpath
import re
import tomllib
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from plugins_app.errors import Fault, ManifestError
from plugins_app.manifest.config_table import read_config
from plugins_app.manifest.declared import DeclaredLimits, Manifest, Model, Requires
from plugins_app.manifest.limits import LIMIT_RANGES, REUSE
from plugins_app.manifest.sections import Section

SLUG: Final = re.compile(r"[-a-zA-Z0-9_]+")
SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
MODEL_NAME: Final = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,99}")
NAME_LINE: Final = re.compile(r"""^\s*name\s*=\s*["']([-a-zA-Z0-9_]{1,100})["']\s*(#.*)?$""")

LONGEST_NAME: Final = 100
LONGEST_VERSION: Final = 64
LONGEST_ENTRYPOINT: Final = 200
LONGEST_PATH: Final = 500
LONGEST_DESCRIPTION: Final = 5_000


def parse_manifest(text: str) -> Manifest:
    """Return what TEXT declares, or raise ManifestError with every fault at once.

    The error carries the plugin's name whenever it can be read, so that the plugin can be listed.
    """
    faults: list[Fault] = []
    top = Section(_tables(text), faults=faults)
    manifest = Manifest(
        name=_name(top),
        version=_version(top),
        description=top.text("description", longest=LONGEST_DESCRIPTION),
        entrypoint=_entrypoint(top),
        requires=_requires(top.section("requires")),
        models=_models(top.section("models")),
        limits=_limits(top.section("limits")),
        network=_network(top.section("permissions")),
        config=read_config(top),
        reuse=_reuse(top.section("runtime")),
    )
    top.refuse_strays()
    if faults:
        raise ManifestError(faults, name=manifest.name or None)
    return manifest


def _tables(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"is not valid TOML: {error}. Correct that place"
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits; lists nested a thousand deep.
        message = f"cannot be read as TOML: {error}. Write it more simply"
    raise ManifestError([Fault(pointer="", message=message, code="syntax")], name=_salvaged(text))


def _salvaged(text: str) -> str | None:
    """The name from a file that is no TOML: from a plain line before the first table."""
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            return None
        if found := NAME_LINE.match(line):
            return found[1]
    return None


def _name(top: Section) -> str:
    name = top.required_text("name", example='"my-plugin"', longest=LONGEST_NAME)
    if name and not SLUG.fullmatch(name):
        top.blame("name", f"may hold letters, digits, - and _ only: write {_as_slug(name)}")
        return ""
    return name


def _as_slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-") or "my-plugin"
    return f'name = "{slug}"'


def _version(top: Section) -> str:
    version = top.required_text("version", example='"1.0.0"', longest=LONGEST_VERSION)
    try:
        if version:
            Version(version)
    except InvalidVersion:
        top.blame("version", f'{version!r} is no version (PEP 440): write one like "1.2.0"')
    return version


def _entrypoint(top: Section) -> str:
    example = '"my_plugin:MyPlugin"'
    entrypoint = top.required_text("entrypoint", example=example, longest=LONGEST_ENTRYPOINT)
    module, colon, name = entrypoint.partition(":")
    parts = [*module.split("."), name]
    if entrypoint and not (colon and all(part.isidentifier() for part in parts)):
        top.blame("entrypoint", f"must name a module and a class in it: write it like {example}")
    return entrypoint


def _requires(section: Section) -> Requires:
    requires = Requires(gpu=section.flag("gpu"), packages=section.texts("packages"))
    for number, package in enumerate(requires.packages):
        if reason := _problem_with_package(package):
            section.blame_item("packages", number, reason)
    section.refuse_strays()
    return requires


def _problem_with_package(package: str) -> str:
    try:
        Requirement(package)
    except (InvalidRequirement, RecursionError) as error:
        reason = str(error).splitlines()[0]
        return f'{package!r} is no requirement (PEP 508): {reason}. Write one like "numpy>=1.26"'
    return ""


def _models(models: Section) -> tuple[Model, ...]:
    for name in models.names():
        if not MODEL_NAME.fullmatch(name):
            models.blame(name, "is no name for a model: use letters, digits, - and _")
    return tuple(_model(name, models.section(name)) for name in models.names())


def _model(name: str, section: Section) -> Model:
    path = section.required_text(
        "path", example='"weights/model.safetensors"', longest=LONGEST_PATH
    )
    if path and not _stays_inside(path):
        section.blame("path", "must be relative to the plugin's folder, with / and without ..")
    digest = section.text("sha256", longest=64)
    if digest and not SHA256.fullmatch(digest):
        section.blame("sha256", "must be 64 hexadecimal digits, as sha256sum prints them")
    section.refuse_strays()
    return Model(name=name, path=posixpath.normpath(path), sha256=digest.lower() or None)


def _stays_inside(path: str) -> bool:
    is_plain = not path.startswith("/") and "\\" not in path and path == path.strip()
    return is_plain and posixpath.normpath(path).split("/")[0] not in ("..", ".")


def _limits(section: Section) -> DeclaredLimits:
    limits = {name: section.whole(name, allowed) for name, allowed in LIMIT_RANGES.items()}
    section.refuse_strays()
    return DeclaredLimits(**limits)


def _network(section: Section) -> bool:
    network = section.flag("network")
    section.refuse_strays()
    return network


def _reuse(section: Section) -> int:
    reuse = section.whole("reuse", REUSE)
    section.refuse_strays()
    return reuse or 1
