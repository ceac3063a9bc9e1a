"""The runs: the list, one run's page, and what people may do to a run."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.html import format_html
from unfold.contrib.filters.admin import (
    ChoicesCheckboxFilter,
    FieldTextFilter,
    RangeNumericFilter,
    RelatedDropdownFilter,
)

from plugins_app.console import exports, media, run_acts, run_page, tags
from plugins_app.console.acting import actor_of, attempt
from plugins_app.console.readonly import OwnPageAdmin
from plugins_app.console.run_filters import AskedBetween, InPeriod, PeakMemory, id_range
from plugins_app.console.run_list import RunList, trail
from plugins_app.models import Run
from plugins_app.services import runs


@admin.register(Run)
class RunAdmin(OwnPageAdmin):
    list_display = (
        "its_status",
        "what",
        "who",
        "asked",
        "took",
        "peak",
        "events",
        "error",
    )
    list_display_links = ("what",)
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        ("plugin", RelatedDropdownFilter),
        ("tool", FieldTextFilter),
        ("actor", FieldTextFilter),
        ("via", ChoicesCheckboxFilter),
        InPeriod,
        ("queued_at", AskedBetween),
        ("wall_seconds", RangeNumericFilter),
        PeakMemory,
    )
    search_fields = ("tool", "plugin__name", "actor", "error_message")
    search_help_text = "Tool, plugin, who, error message, or a run's id or its beginning"
    actions = ("cancel_selected",)
    ordering = ("-id",)
    list_before_template = "console/run-exports.html"

    def get_urls(self) -> list[URLPattern]:
        def own(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        return [
            path("export.<str:kind>", own(self.export), name="run_export"),
            path("<uuid:pk>/cancel/", own(run_acts.cancel), name="run_cancel"),
            path("<uuid:pk>/rerun/", own(run_acts.rerun), name="run_rerun"),
            path("<uuid:pk>/compare/", own(self.compare), name="run_compare"),
            path("<uuid:pk>/media/<str:field>", own(media.run_file), name="run_media"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:  # noqa: ARG002
        return Run.objects.brief().defer("plugin__traceback", "plugin__manifest", "plugin__tools")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        if ids := id_range(search_term):
            return queryset.filter(pk__range=ids), False
        return super().get_search_results(request, queryset, search_term)

    def get_changelist(self, request: HttpRequest, **_options: Any) -> type[RunList]:  # noqa: ARG002
        return RunList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        more = {"query": request.GET.urlencode(), "trail": trail(request)}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self._run(request, object_id)
        context = self.page_context(
            request,
            title=f"Run of {run.plugin.name} {run.tool}",
            may_cancel=self.may(request, "cancel_run"),
            may_run=self.may(request, "start_run"),
            **run_page.context_of(request, run),
        )
        return render(request, "console/run.html", context)

    def compare(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """This run beside the last one of its tool that succeeded."""
        run = self._run(request, str(pk))
        context = self.page_context(
            request, title="Compare with the last success", **run_page.comparison(run)
        )
        return render(request, "console/compare.html", context)

    def export(self, request: HttpRequest, kind: str) -> HttpResponse:
        """What the list's filters choose, streamed."""
        if not self.has_view_permission(request) or kind not in exports.KINDS:
            raise Http404
        chosen = self.get_changelist_instance(request).everything(request)
        return exports.streamed(chosen, kind)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "cancel_run")

    @admin.action(description="Cancel the chosen runs", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        for run in chosen:
            self._cancel(request, run)

    def _cancel(self, request: HttpRequest, run: Run) -> None:
        def cancel() -> Run:
            return runs.cancel_run(run=run, actor=actor_of(request))

        attempt(request, cancel, done=f"{run.plugin.name} {run.tool}: cancelled.")

    def _run(self, request: HttpRequest, pk: str) -> Run:
        run = None
        with suppress(ValueError):
            run = Run.objects.select_related("plugin", "worker").filter(pk=UUID(pk)).first()
        if run is None or not self.has_view_permission(request, run):
            raise Http404
        return run

    @admin.display(description="Status")
    def its_status(self, run: Run) -> str:
        return tags.status(run.status)

    @admin.display(description="Run")
    def what(self, run: Run) -> str:
        return format_html(
            '<span class="bh-strong">{}</span> {} <span class="bh-quiet">@{}</span>',
            run.plugin.name,
            run.tool,
            run.plugin_version,
        )

    @admin.display(description="Who")
    def who(self, run: Run) -> str:
        return format_html(
            '<span class="bh-nowrap">{} <span class="bh-quiet">{}</span></span>',
            run.actor,
            run.via,
        )

    @admin.display(description="Asked", ordering="id")
    def asked(self, run: Run) -> str:
        return tags.moment(run.queued_at)

    @admin.display(description="Took", ordering="wall_seconds")
    def took(self, run: Run) -> str:
        return format_html('<span class="bh-nowrap">{}</span>', tags.duration(run.wall_seconds))

    @admin.display(description="Peak memory", ordering="peak_memory_bytes")
    def peak(self, run: Run) -> str:
        # A run too short to be measured has none.
        words = tags.size(run.peak_memory_bytes or None)
        return format_html('<span class="bh-nowrap">{}</span>', words)

    @admin.display(description="Events")
    def events(self, run: Run) -> str:
        return f"{run.event_count:,}"

    @admin.display(description="Error")
    def error(self, run: Run) -> str:
        words = tags.as_text(run.error_message)
        return format_html(
            '<span class="bh-clip" title="{}">{}</span>', words[:1000], words[:160] or tags.EMPTY
        )
