"""What is only to be looked at: transitions, uploads, workers."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import (
    FieldTextFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)

from plugins_app.console import tags
from plugins_app.console.readonly import ReadOnlyAdmin
from plugins_app.lifecycle import RunStatus
from plugins_app.models import Transition, Upload, Worker
from plugins_app.services import statistics


@admin.register(Transition)
class TransitionAdmin(ReadOnlyAdmin):
    list_display = ("when", "its_plugin", "change", "its_reason", "actor", "its_run")
    list_display_links = None
    list_filter = (
        ("plugin", RelatedDropdownFilter),
        ("code", FieldTextFilter),
        ("actor", FieldTextFilter),
        ("at", RangeDateTimeFilter),
    )
    search_fields = ("plugin__name", "code", "reason", "actor")
    list_select_related = ("plugin",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transition]:
        whole = super().get_queryset(request).select_related("plugin")
        return whole.defer("plugin__manifest", "plugin__tools", "plugin__traceback")

    @admin.display(description="When", ordering="seq")
    def when(self, transition: Transition) -> str:
        return tags.moment(transition.at)

    @admin.display(description="Plugin", ordering="plugin__name")
    def its_plugin(self, transition: Transition) -> str:
        address = reverse("admin:plugins_app_plugin_change", args=[transition.plugin_id])
        return format_html('<a class="bh-link" href="{}">{}</a>', address, transition.plugin.name)

    @admin.display(description="Change")
    def change(self, transition: Transition) -> str:
        before = tags.state(transition.from_state) if transition.from_state else "(registered)"
        return format_html("{} → {}", before, tags.state(transition.to_state))

    @admin.display(description="Reason")
    def its_reason(self, transition: Transition) -> str:
        words = tags.as_text(transition.reason)
        return format_html(
            '<code>{}</code> <span class="bh-clip" title="{}">{}</span>',
            transition.code,
            words[:1000],
            words[:160],
        )

    @admin.display(description="Run")
    def its_run(self, transition: Transition) -> str:
        if transition.run_id is None:
            return tags.EMPTY
        address = reverse("admin:plugins_app_run_change", args=[transition.run_id])
        return format_html('<a class="bh-link" href="{}">{}</a>', address, "open")


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("name", "its_size", "its_digest", "actor", "when")
    list_display_links = None
    list_filter = (("actor", FieldTextFilter), ("created_at", RangeDateTimeFilter))
    search_fields = ("name", "sha256", "actor")

    @admin.display(description="Size", ordering="size")
    def its_size(self, upload: Upload) -> str:
        return tags.size(upload.size)

    @admin.display(description="SHA-256")
    def its_digest(self, upload: Upload) -> str:
        return format_html('<code title="{}">{}</code>', upload.sha256, upload.sha256[:16])

    @admin.display(description="Uploaded", ordering="created_at")
    def when(self, upload: Upload) -> str:
        return tags.moment(upload.created_at)


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = (
        "its_life",
        "its_name",
        "its_queues",
        "heartbeat",
        "runs_now",
        "its_guards",
        "its_gpu",
    )
    list_display_links = None
    list_filter = (("host", FieldTextFilter), ("heartbeat_at", RangeDateTimeFilter))
    search_fields = ("host",)
    ordering = ("-heartbeat_at",)
    list_before_template = "console/queue.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        running = Count("runs", filter=Q(runs__status=RunStatus.RUNNING))
        return super().get_queryset(request).annotate(active=running)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {"queue": statistics.queue(), "workers": statistics.living_workers()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.display(description="State")
    def its_life(self, worker: Worker) -> str:
        if worker.stopped_at is not None:
            return tags.badge(tags.Look("calm", "stop_circle"), "stopped")
        if statistics.is_silent(worker=worker):
            return tags.badge(tags.Look("bad", "link_off"), "silent")
        return tags.badge(tags.Look("good", "check_circle"), "alive")

    @admin.display(description="Worker", ordering="host")
    def its_name(self, worker: Worker) -> str:
        return format_html('{} <span class="bh-quiet">pid {}</span>', worker.host, worker.pid)

    @admin.display(description="Queues")
    def its_queues(self, worker: Worker) -> str:
        return ", ".join(map(str, worker.queues)) or tags.EMPTY

    @admin.display(description="Heartbeat", ordering="heartbeat_at")
    def heartbeat(self, worker: Worker) -> str:
        return tags.moment(worker.heartbeat_at)

    @admin.display(description="Runs now")
    def runs_now(self, worker: Worker) -> int:
        return int(worker.active)

    @admin.display(description="Guards")
    def its_guards(self, worker: Worker) -> str:
        """How many are in force; which ones are not is under the pointer, all of it under Health."""
        wanting = [guard["name"] for guard in worker.guards if guard["state"] != "enforced"]
        count = len(worker.guards) - len(wanting)
        look = tags.Look("warn", "gpp_maybe") if wanting else tags.Look("good", "shield")
        words = f"Not in full force: {', '.join(wanting)}" if wanting else "All in force"
        return format_html(
            '<a href="{}" title="{}">{}</a>',
            reverse("console-health"),
            words,
            tags.badge(look, f"{count} of {len(worker.guards)}"),
        )

    @admin.display(description="GPU")
    def its_gpu(self, worker: Worker) -> str:
        problem = worker.gpu.get("problem")
        if problem:
            words = problem["message"]
            return format_html('<span class="bh-clip" title="{}">{}</span>', words, words)
        names = format_html_join(", ", "{}", ((d,) for d in _devices(worker.gpu)))
        return names or tags.EMPTY


def _devices(gpu: dict[str, Any]) -> list[str]:
    return [str(device) for device in gpu.get("devices", [])]
