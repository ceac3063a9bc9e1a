"""Every error the services raise: one root, stable codes, messages that say what to do.

The docstring of a class is its default message. Faces map codes to their own language (HTTP status,
exit code) in one place each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing wrong with an input: `pointer` is a JSON pointer (RFC 6901) into it."""

    pointer: str
    message: str
    code: str = "invalid"


class BulkheadError(Exception):
    """The platform could not do what was asked."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip())

    @property
    def message(self) -> str:
        return str(self.args[0])


class IllegalTransition(BulkheadError):
    """This plugin's state does not allow that action."""

    code = "illegal_transition"


class StaleState(BulkheadError):
    """The plugin's state changed meanwhile: look at it again, then repeat the request."""

    code = "stale_state"


class PluginNotReady(BulkheadError):
    """This plugin takes no runs now."""

    code = "plugin_not_ready"


class AlreadyFinal(BulkheadError):
    """This run has ended; a final status never changes."""

    code = "already_final"


class NotFound(BulkheadError):
    """There is no such thing."""

    code = "not_found"


class InvalidInput(BulkheadError):
    """The input does not fit; each fault names its place."""

    code = "invalid_input"

    def __init__(self, message: str = "", *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class ManifestError(BulkheadError):
    """The plugin's manifest cannot be used; each fault names its place."""

    code = "bad_manifest"

    def __init__(self, faults: Sequence[Fault], *, name: str | None = None) -> None:
        super().__init__("; ".join(f"{f.pointer or 'plugin.toml'} {f.message}" for f in faults))
        self.faults = tuple(faults)
        self.name = name


class NameTaken(BulkheadError):
    """Another folder registered this plugin name first and keeps it."""

    code = "name_taken"


class TooLarge(BulkheadError):
    """The upload is larger than this platform takes."""

    code = "too_large"


class IdempotencyConflict(BulkheadError):
    """This Idempotency-Key was used for a different request: use a new key for a new request."""

    code = "idempotency_key_reused"


class RegistryBusy(BulkheadError):
    """The plugin registry is busy: try again in a moment."""

    code = "registry_busy"


class LeaseLost(BulkheadError):
    """This run is no longer this worker's: it was declared lost or has ended."""

    code = "lease_lost"
