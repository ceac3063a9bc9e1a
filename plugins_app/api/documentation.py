"""What the OpenAPI schema says beside the serializers."""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from plugins_app.api.problems import CONTENT_TYPE
from plugins_app.api.serializers.platform import ProblemSerializer

ALWAYS: Final = (401, 403, 429, 503)
WORDS: Final = {
    400: "The request does not fit; `errors` names each place.",
    401: "Not logged in, or the token is unknown or has expired.",
    403: "Your roles do not allow that.",
    404: "There is no such thing.",
    409: "Not now: `illegal_transition`, `stale_state`, `plugin_not_ready` or `already_final`.",
    413: "Too large.",
    415: "Not a content type that is taken here.",
    416: "The file has nothing in that range.",
    422: "This Idempotency-Key was used for another request.",
    429: "Too many requests; come back after `Retry-After` seconds.",
    503: "Try again in a moment.",
}
PREFER: Final = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`wait=N`: answer when the run has ended, or after N seconds, at most 60.",
)
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Any text of your own: for 24 hours the same key and body give the same answer.",
)


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """The problems of STATUSES, and of those that any call may meet."""
    return {
        (status, CONTENT_TYPE): OpenApiResponse(ProblemSerializer, description=WORDS[status])
        for status in (*statuses, *ALWAYS)
    }


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "plugins_app.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, with a token from auth/login/.",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "plugins_app.api.authentication.ConsoleSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
