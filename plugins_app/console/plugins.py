"""The plugins: the list, one plugin's page, and what people may do to it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter
from unfold.views import ChangeList

from plugins_app.console import charts, plugin_acts, plugin_page, tags, tool_acts
from plugins_app.console.readonly import OwnPageAdmin
from plugins_app.lifecycle import Action, State, allows
from plugins_app.limits import effective_limits
from plugins_app.models import Plugin
from plugins_app.services import statistics


class PluginList(ChangeList):
    """Gives each row what its cells draw: one query for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        recent = statistics.recent_by_plugin(plugins=[row.pk for row in self.result_list])
        may_restart = request.user.has_perm("plugins_app.restart_plugin")
        for plugin in self.result_list:
            plugin.recent, plugin.may_restart = recent.get(plugin.pk), may_restart


@admin.register(Plugin)
class PluginAdmin(OwnPageAdmin):
    list_display = (
        "its_name",
        "its_state",
        "acts",
        "its_reason",
        "last_runs",
        "failures_in_24_h",
        "p95",
        "peak_memory",
    )
    list_display_links = ("its_name",)
    list_filter = (("state", ChoicesCheckboxFilter), ("enabled", BooleanRadioFilter))
    search_fields = ("name", "description", "reason")
    actions = ("restart_selected",)
    ordering = ("name",)

    class Media:
        js = ("console/plugin-list.js",)

    def get_urls(self) -> list[URLPattern]:
        def own(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        acts = [
            path("restart-many/", own(plugin_acts.restart_many), name="plugin_restart_many"),
            path("<int:pk>/restart/", own(plugin_acts.restart), name="plugin_restart"),
            path("<int:pk>/reload/", own(plugin_acts.reload), name="plugin_reload"),
            path("<int:pk>/enable/", own(plugin_acts.enable), name="plugin_enable"),
            path("<int:pk>/disable/", own(plugin_acts.disable), name="plugin_disable"),
            path("<int:pk>/limits/", own(plugin_acts.limits), name="plugin_limits"),
            path("<int:pk>/config/", own(plugin_acts.config), name="plugin_config"),
            path("<int:pk>/run/<str:tool>/", own(tool_acts.run), name="plugin_run"),
        ]
        return acts + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plugin]:
        return super().get_queryset(request).defer("traceback")

    def get_changelist(self, request: HttpRequest, **_options: Any) -> type[ChangeList]:  # noqa: ARG002
        return PluginList

    def page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        plugin = self.get_object(request, object_id)
        if plugin is None or not self.has_view_permission(request, plugin):
            raise Http404
        context = self.page_context(
            request,
            title=f"Plugin {plugin.name}",
            **plugin_page.context_of(request, plugin),
            **self._acts_of(request, plugin),
        )
        return render(request, "console/plugin.html", context)

    def _acts_of(self, request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
        state = State(plugin.state)
        may = {
            "may_restart": "restart_plugin",
            "may_reload": "reload_plugin",
            "may_configure": "configure_plugin",
            "may_run": "start_run",
        }
        return {name: self.may(request, act) for name, act in may.items()} | {
            "can_restart": allows(state, Action.RESTART),
            "can_reload": allows(state, Action.RELOAD),
        }

    def has_restart_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "restart_plugin")

    @admin.action(description="Restart the chosen plugins", permissions=["restart"])
    def restart_selected(self, request: HttpRequest, chosen: QuerySet[Plugin]) -> HttpResponse:
        return plugin_acts.ask_for_many(request, list(chosen.only("pk", "name", "state")))

    @admin.display(description="Plugin", ordering="name")
    def its_name(self, plugin: Plugin) -> str:
        return format_html(
            '<span class="bh-nowrap"><span class="bh-strong">{}</span> '
            '<span class="bh-quiet">{}</span></span>',
            plugin.name,
            plugin.version,
        )

    @admin.display(description="State", ordering="state")
    def its_state(self, plugin: Plugin) -> str:
        disabled = "" if plugin.enabled else tags.badge(tags.Look("warn", "pause"), "disabled")
        return format_html(
            '<span class="bh-nowrap" data-live="state-{}">{} {} <span class="bh-quiet">{}</span></span>',
            plugin.pk,
            tags.state(plugin.state),
            disabled,
            tags.moment(plugin.since),
        )

    @admin.display(description="Reason")
    def its_reason(self, plugin: Plugin) -> str:
        return format_html(
            '<span class="bh-clip" data-live="reason-{}" title="{}">{}</span>',
            plugin.pk,
            tags.as_text(plugin.reason)[:1000],
            tags.as_text(plugin.reason)[:160] or tags.EMPTY,
        )

    @admin.display(description="Last 30 runs")
    def last_runs(self, plugin: Plugin) -> str:
        return charts.sparkline(plugin.recent)

    @admin.display(description="Failed 24 h")
    def failures_in_24_h(self, plugin: Plugin) -> int:
        recent = plugin.recent
        return recent.failures if recent else 0

    @admin.display(description="p95")
    def p95(self, plugin: Plugin) -> str:
        recent = plugin.recent
        words = tags.duration(recent.p95 if recent else None)
        return format_html('<span class="bh-nowrap">{}</span>', words)

    @admin.display(description="Peak memory")
    def peak_memory(self, plugin: Plugin) -> str:
        recent = plugin.recent
        words = tags.size(recent.peak_bytes if recent else None)
        most = tags.size(effective_limits(plugin).memory_mb.value << 20)
        return format_html('<span class="bh-nowrap">{} of {}</span>', words, most)

    @admin.display(description="Act")
    def acts(self, plugin: Plugin) -> str:
        allowed = allows(State(plugin.state), Action.RESTART) and plugin.may_restart
        button = (
            format_html(
                '<a class="bh-button bh-small" role="button" data-ask="Restart {}" href="{}">'
                "Restart</a>",
                plugin.name,
                reverse("admin:plugin_restart", args=[plugin.pk]),
            )
            if allowed
            else ""
        )
        return format_html('<span data-live="acts-{}">{}</span>', plugin.pk, button)
