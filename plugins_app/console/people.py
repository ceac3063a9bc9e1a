"""Users and roles. Every change of what a person may do is in the audit."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from plugins_app.console import tags
from plugins_app.console.acting import actor_of
from plugins_app.services import people


class Audited:
    """Tells the audit before and after. The admin opens the transaction around each of these."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        form.facts_before = people.facts_of(subject=obj) if change else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        people.record_change(
            actor=actor_of(request),
            subject=form.instance,
            before=form.facts_before,
            after=people.facts_of(subject=form.instance),
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        before = people.facts_of(subject=obj)
        people.record_change(actor=actor_of(request), subject=obj, before=before, after={})
        super().delete_model(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Deleting many at once would go round `delete_model`, and with it round the audit.
        return {k: v for k, v in super().get_actions(request).items() if k != "delete_selected"}


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class People(Audited, UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "seen")
    list_filter = ("is_active", "is_superuser", "groups")

    @admin.display(description="Last login", ordering="last_login")
    def seen(self, user: User) -> str:
        return tags.moment(user.last_login)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponseBase:
        with people.watched_password(actor=actor_of(request), user_id=id):
            return super().user_change_password(request, id, form_url)


@admin.register(Group)
class Roles(Audited, GroupAdmin, ModelAdmin):
    pass
