"""The base of every page about state and history: nobody edits those, superusers included."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from unfold.admin import ModelAdmin

from plugins_app.console.paging import CappedPaginator


class ReadOnlyAdmin(ModelAdmin):
    show_full_result_count = False
    paginator = CappedPaginator
    list_per_page = 50
    list_fullwidth = True
    list_filter_sheet = True
    list_filter_submit = True
    list_select_related = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def may(self, request: HttpRequest, act: str) -> bool:
        """Whether the visitor has the permission ACT, such as `restart_plugin`."""
        return bool(request.user.has_perm(f"plugins_app.{act}"))

    def page_context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), **more}


class OwnPageAdmin(ReadOnlyAdmin):
    """Shows one object by `page`, a template of ours, in place of the admin's form."""

    page: Callable[[HttpRequest, str], HttpResponse]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002 - the framework's
        extra_context: Any = None,  # noqa: ARG002 - the framework's
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return self.page(request, unquote(object_id))
