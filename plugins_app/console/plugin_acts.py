"""What people do to a plugin from the console. Nothing changes on GET; every act is a service's."""

import json
from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from plugins_app.console.acting import actor_of, attempt, require
from plugins_app.manifest import LIMIT_RANGES, Manifest
from plugins_app.models import Plugin
from plugins_app.services import catalog

PROMISES: Final = {
    "restart": "Its code is read and loaded anew, and it may take runs again once it validates.",
    "reload": "Its code and config are read anew; runs asked for meanwhile wait.",
}


@require_http_methods(["GET", "HEAD", "POST"])
def restart(request: HttpRequest, pk: int) -> HttpResponse:
    require(request, "restart_plugin")
    return _with_reason(request, pk, "restart", catalog.restart_plugin)


@require_http_methods(["GET", "HEAD", "POST"])
def reload(request: HttpRequest, pk: int) -> HttpResponse:
    require(request, "reload_plugin")
    return _with_reason(request, pk, "reload", catalog.reload_plugin)


@require_POST
def restart_many(request: HttpRequest) -> HttpResponse:
    """Restart each chosen plugin that can be; say of the others why not."""
    require(request, "restart_plugin")
    chosen = [int(pk) for pk in request.POST.getlist("plugin") if pk.isascii() and pk.isdigit()]
    for name in Plugin.objects.filter(pk__in=chosen[:1000]).values_list("name", flat=True):
        _act(request, name, "restart", catalog.restart_plugin)
    return HttpResponseRedirect(reverse("admin:plugins_app_plugin_changelist"))


def ask_for_many(request: HttpRequest, plugins: list[Plugin]) -> HttpResponse:
    """The page between choosing plugins in the list and restarting them: it asks why."""
    context = admin.site.each_context(request)
    return render(
        request,
        "console/ask.html",
        {
            **context,
            "title": f"Restart {len(plugins)} plugins",
            "act": "Restart",
            "promise": PROMISES["restart"],
            "plugins": plugins,
            "action": reverse("admin:plugin_restart_many"),
            "back": reverse("admin:plugins_app_plugin_changelist"),
        },
    )


@require_POST
def enable(request: HttpRequest, pk: int) -> HttpResponse:
    return _configure(request, pk, {"enabled": True}, tab="overview")


@require_POST
def disable(request: HttpRequest, pk: int) -> HttpResponse:
    return _configure(request, pk, {"enabled": False}, tab="overview")


@require_POST
def limits(request: HttpRequest, pk: int) -> HttpResponse:
    """An empty field takes the limit back to its default."""
    changes = {name: _number(request.POST[name]) for name in LIMIT_RANGES if name in request.POST}
    return _configure(request, pk, changes, tab="limits")


@require_POST
def config(request: HttpRequest, pk: int) -> HttpResponse:
    """Only what differs from the default is kept; an empty secret stays as it is."""
    require(request, "configure_plugin")
    plugin = get_object_or_404(Plugin, pk=pk)
    if "reset" in request.POST:
        return _configure(request, pk, {"config": None}, tab="config")
    manifest = Manifest.from_json(plugin.manifest) if plugin.manifest else None
    posted = {
        field: request.POST.get(f"setting.{field.name}")
        for field in (manifest.config if manifest else ())
    }
    changes = {
        field.name: _setting(field, text)
        for field, text in posted.items()
        if text is not None and not (field.secret and text == "")
    }
    return _configure(request, pk, {"config": changes}, tab="config")


def _with_reason(
    request: HttpRequest, pk: int, word: str, act: Callable[..., Plugin]
) -> HttpResponse:
    plugin = get_object_or_404(Plugin, pk=pk)
    if request.method == "POST":
        _act(request, plugin.name, word, act)
        return HttpResponseRedirect(page_of(plugin, "overview"))
    context = admin.site.each_context(request)
    return render(
        request,
        "console/ask.html",
        {
            **context,
            "title": f"{word.capitalize()} {plugin.name}",
            "act": word.capitalize(),
            "promise": PROMISES[word],
            "plugins": [plugin],
            "action": request.path,
            "back": page_of(plugin, "overview"),
        },
    )


def _act(request: HttpRequest, name: str, word: str, act: Callable[..., Plugin]) -> None:
    reason = request.POST.get("reason", "")

    def acting() -> Plugin:
        return act(name=name, actor=actor_of(request), reason=reason)

    attempt(request, acting, done=f"{name}: {word} asked for. Its state shows here as it changes.")


def _configure(request: HttpRequest, pk: int, changes: Any, *, tab: str) -> HttpResponse:
    require(request, "configure_plugin")
    plugin = get_object_or_404(Plugin, pk=pk)

    def configure() -> Plugin:
        return catalog.configure_plugin(name=plugin.name, actor=actor_of(request), changes=changes)

    attempt(request, configure, done=f"{plugin.name} is changed; runs from now on go by it.")
    return HttpResponseRedirect(page_of(plugin, tab))


def _number(text: str) -> Any:
    """None for an empty field; what is no number goes on as it is, for the service to refuse."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else (text or None)


def _setting(field: Any, text: str) -> Any:
    """What was typed, as the setting's type; what does not fit is the service's to refuse."""
    if text == "" and field.default != "":
        return None
    if field.type == "string":
        value: Any = text.replace("\r\n", "\n")
    else:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
    return None if value == field.default and not field.secret else value


def page_of(plugin: Plugin, tab: str) -> str:
    return f"{reverse('admin:plugins_app_plugin_change', args=[plugin.pk])}?tab={tab}"
