"""The API's own description, and the page that shows it."""

from functools import cache

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request

from plugins_app.api.authentication import ConsoleSession, TokenAuthentication
from plugins_app.api.caching import conditional
from plugins_app.api.documentation import problems
from plugins_app.api.permissions import HasItsPermission
from plugins_app.api.views.base import View


class Schema(View):
    @extend_schema(responses={200: OpenApiTypes.OBJECT, **problems()})
    def get(self, request: Request) -> HttpResponse:
        """This API as OpenAPI 3, in JSON."""
        return conditional(request, _encoded_schema())


class Docs(SpectacularSwaggerSplitView):
    """Swagger from our own static files; its script is a request of its own, as the CSP demands."""

    authentication_classes = (TokenAuthentication, ConsoleSession)
    permission_classes = (HasItsPermission,)
    needs = {}
    url_name = "api:schema"


@cache
def _encoded_schema() -> bytes:
    # It cannot change while the process lives.
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return OpenApiJsonRenderer().render(schema)
