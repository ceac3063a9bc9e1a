"""Typed readers of environment variables: the only place that looks at `os.environ`.

Every reader returns the default when the variable is unset or empty, and raises
`ImproperlyConfigured` naming the variable, its value and what is expected when it makes no sense.
"""

import os
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
DATABASE_SCHEMES = ("sqlite://", "postgres://", "postgresql://")
REDIS_SCHEMES = ("redis", "rediss")
A_DATABASE = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME"
A_HOST = re.compile(r"\*|\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", re.IGNORECASE)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, *, default: bool) -> bool:
    word = text(name).lower()
    if not word:
        return default
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise _fault(name, "on or off")


def integer(name: str, *, default: int, minimum: int, maximum: int) -> int:
    word = text(name)
    if not word:
        return default
    try:
        value = int(word)
    except ValueError:
        raise _fault(name, f"a whole number from {minimum} to {maximum}") from None
    if not minimum <= value <= maximum:
        raise _fault(name, f"a whole number from {minimum} to {maximum}")
    return value


def names(name: str, *, default: tuple[str, ...] = ()) -> list[str]:
    """Comma-separated words."""
    word = text(name)
    return [part.strip() for part in word.split(",") if part.strip()] if word else list(default)


def hosts(name: str, *, default: tuple[str, ...]) -> list[str]:
    """Names or addresses without scheme and port, `.example.org` for all below it, `*` for any."""
    found = names(name, default=default)
    if not found or not all(map(A_HOST.fullmatch, found)):
        raise _fault(name, "host names with commas between, such as example.org,[::1]")
    return found


def folder(name: str, *, default: Path) -> Path:
    """An absolute folder path. It need not exist, but nothing else may stand there."""
    path = Path(text(name) or default).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise _fault(name, "a folder; a file stands there")
    return path


def folders(name: str) -> tuple[Path, ...]:
    """Existing folders, `os.pathsep` between them."""
    paths = tuple(Path(part).expanduser().absolute() for part in _path_parts(name))
    for path in paths:
        if not path.is_dir():
            raise _fault(name, f"existing folders; {path} is none")
    return paths


def database(name: str, *, default_file: Path) -> dict[str, Any]:
    """A Django database entry from a URL; SQLite at `default_file` without one."""
    url = text(name, f"sqlite:///{quote(str(default_file))}")
    if not url.startswith(DATABASE_SCHEMES):
        raise _fault(name, A_DATABASE)
    try:
        found = dict(dj_database_url.parse(url))
    except (ValueError, KeyError):
        raise _fault(name, A_DATABASE) from None
    if found["NAME"] in ("", ":memory:"):  # a database of one process is of no use to several
        raise _fault(name, A_DATABASE)
    return found


def redis_url(name: str) -> str:
    url = text(name)
    if url and not _is_redis(url):
        raise _fault(name, "redis://HOST:PORT/NUMBER")
    return url


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return bool(parts.path)
    number = parts.path.strip("/")
    is_number = not number or number.isdigit()
    return parts.scheme in REDIS_SCHEMES and bool(parts.hostname) and is_number


def secret_key(name: str, *, file: Path) -> str:
    """The key from the environment, else the one in `file`, made there once (mode 0600)."""
    return text(name) or _stored_key(name, file)


def _stored_key(name: str, file: Path) -> str:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _create_key(file)
        key = file.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The secret key cannot be kept in {file} ({error.strerror}): make the data directory "
            f"writable, name another one in BULKHEAD_DATA_DIR, or set {name}."
        ) from error
    if not key:
        raise ImproperlyConfigured(
            f"{file} is empty: delete it to have a new key made, or set {name}."
        )
    return key


def _create_key(file: Path) -> None:
    # Written aside and linked: two first starts at once end with one whole key, never a torn one.
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_urlsafe(50))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _path_parts(name: str) -> list[str]:
    return [part for part in text(name).split(os.pathsep) if part]


def _fault(name: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{name}={os.environ.get(name)!r} makes no sense: expected {expected}."
    )
