"""Running a tool from its form."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from plugins_app.console import tool_form
from plugins_app.console.acting import actor_of, require, words_of
from plugins_app.console.plugin_acts import page_of
from plugins_app.errors import BulkheadError, NotFound
from plugins_app.lifecycle import Via
from plugins_app.models import Plugin, Run
from plugins_app.services import runs, uploads


@require_POST
def run(request: HttpRequest, pk: int, tool: str) -> HttpResponse:
    """Start a run from the form; a script is answered in JSON, so that it can show progress."""
    require(request, "start_run")
    plugin = get_object_or_404(Plugin, pk=pk)
    try:
        started = _started(request, plugin, tool)
    except BulkheadError as error:
        if _is_script(request):
            return JsonResponse({"message": words_of(error)}, status=400)
        messages.error(request, words_of(error))
        return HttpResponseRedirect(page_of(plugin, "tools"))
    address = reverse("admin:plugins_app_run_change", args=[started.pk])
    if _is_script(request):
        return JsonResponse({"address": address}, status=201)
    return HttpResponseRedirect(address)


def _started(request: HttpRequest, plugin: Plugin, name: str) -> Run:
    tool = next((tool for tool in plugin.tools if tool["name"] == name), None)
    if tool is None:
        raise NotFound(f"The plugin {plugin.name!r} has no tool {name!r}.")
    given = tool_form.read(tool, request.POST) | _files(request, tool)
    return runs.start_run(
        plugin=plugin.name, tool=name, input=given, actor=actor_of(request), via=Via.CONSOLE
    )


def _files(request: HttpRequest, tool: Any) -> dict[str, Any]:
    """Store the files that came with the form; a field left empty keeps an earlier run's file."""
    references = {}
    for field in tool["file_fields"]:
        sent = request.FILES.get(f"input.{field}")
        earlier = request.POST.get(f"upload.{field}")
        if sent is not None:
            require(request, "add_upload")
            upload = uploads.store_upload(
                name=sent.name, content=sent.file, actor=actor_of(request)
            )
            references[field] = {"upload": str(upload.pk)}
        elif earlier:
            references[field] = {"upload": earlier}
    return references


def _is_script(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")
