"""The reviewer's page: who did what to what, with the chain's hashes, and whether it holds."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter

from plugins_app.console import exports, tags
from plugins_app.console.readonly import OwnPageAdmin
from plugins_app.models import AuditEntry
from plugins_app.services import audit

FIELDS = (
    "seq",
    "at",
    "actor",
    "action",
    "object",
    "before",
    "after",
    "reason",
    "previous_hash",
    "hash",
)


@admin.register(AuditEntry)
class AuditAdmin(OwnPageAdmin):
    list_display = ("seq", "when", "actor", "action", "object", "its_reason", "short_hash")
    list_display_links = ("seq",)
    list_filter = (
        ("actor", FieldTextFilter),
        ("action", FieldTextFilter),
        ("object", FieldTextFilter),
        ("at", RangeDateTimeFilter),
    )
    search_fields = ("actor", "action", "object", "reason")
    list_before_template = "console/audit-tools.html"

    def get_urls(self) -> list[URLPattern]:
        return [
            path("verify/", self.admin_site.admin_view(self.verify), name="audit_verify"),
            path("export.<str:kind>", self.admin_site.admin_view(self.export), name="audit_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(
            request, {"query": request.GET.urlencode(), **(extra_context or {})}
        )

    def page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        entry = self.get_object(request, object_id)
        if entry is None or not self.has_view_permission(request, entry):
            raise Http404
        context = self.page_context(request, title=f"Audit entry {entry.seq}", entry=entry)
        return render(request, "console/audit-entry.html", context)

    def verify(self, request: HttpRequest) -> HttpResponse:
        """Walk the chain and say what was found. Reads only, but at length: so not on a GET."""
        if not self.has_view_permission(request):
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        found = audit.verify()
        if found.ok:
            words = f"The chain holds: {found.entries:,} entries, head {found.head}."
            messages.success(request, words)
        else:
            words = f"The chain is broken at entry {found.first_broken}: {found.problem}."
            messages.error(request, words)
        return HttpResponseRedirect(reverse("admin:plugins_app_auditentry_changelist"))

    def export(self, request: HttpRequest, kind: str) -> HttpResponse:
        if not self.has_view_permission(request) or kind not in exports.KINDS:
            raise Http404
        chosen: QuerySet[AuditEntry] = self.get_changelist_instance(request).get_queryset(request)
        return exports.streamed(chosen, kind, fields=FIELDS, name="audit")

    @admin.display(description="When", ordering="seq")
    def when(self, entry: AuditEntry) -> str:
        return tags.moment(entry.at)

    @admin.display(description="Reason")
    def its_reason(self, entry: AuditEntry) -> str:
        words = tags.as_text(entry.reason)
        return format_html('<span class="bh-clip" title="{}">{}</span>', words[:1000], words[:160])

    @admin.display(description="Hash")
    def short_hash(self, entry: AuditEntry) -> str:
        return format_html('<code title="{}">{}</code>', entry.hash, entry.hash[:12])
