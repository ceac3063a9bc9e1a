"""What every view has in common."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from plugins_app import registry
from plugins_app.actors import Actor
from plugins_app.errors import Fault, InvalidInput, NotFound
from plugins_app.models import Run
from plugins_app.registry import PluginSnapshot


class View(APIView):
    """`needs` names the permission for each method; without one any logged-in caller may."""

    needs: ClassVar[Mapping[str, str]] = {}
    http_method_names = ("get", "head", "post", "patch")  # no OPTIONS: the schema tells more

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(*args, **kwargs)
        # Tokens, and what only this caller may see, are for no cache to keep.
        response.setdefault("Cache-Control", "no-store")
        return response


class OpenView(View):
    """Open to anyone, known or not."""

    authentication_classes = ()
    permission_classes = ()


def actor_of(request: Request) -> Actor:
    return Actor.from_user(request.user)


def object_of(request: Request) -> dict[str, Any]:
    """The body, which must be a JSON object."""
    if not isinstance(request.data, dict):
        message = "must be a JSON object"
        raise InvalidInput(
            f"The body {message}.", faults=[Fault(pointer="", message=message, code="type")]
        )
    return request.data


def plugin_of(name: str) -> PluginSnapshot:
    snapshot = registry.get(name)
    if snapshot is None:
        raise NotFound(f"There is no plugin named {name!r}. GET plugins/ lists them all.")
    return snapshot


def run_of(pk: Any) -> Run:
    run = Run.objects.brief().filter(pk=pk).first()
    if run is None:
        raise NotFound(f"There is no run {pk}. It may have been pruned; GET runs/ lists them.")
    return run
