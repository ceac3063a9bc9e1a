"""What people do from the console: POST only, each with its permission, each in the audit."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from plugins_app.lifecycle import RunStatus, State
from plugins_app.models import AuditEntry, Plugin, Run, Upload

NEEDS = {
    "restart": "restart_plugin",
    "reload": "reload_plugin",
    "enable": "configure_plugin",
    "disable": "configure_plugin",
    "limits": "configure_plugin",
    "config": "configure_plugin",
}
OUR_ACTS = ("plugin_", "run_", "audit_")
READING = frozenset({"run_export", "run_compare"})
ECHO = """
from sandbox.sdk import Plugin, tool

class Echo(Plugin):
    def validate(self): ...
    @tool
    def say(self, text: str) -> str:
        return text
"""


@pytest.fixture
def broken(make_plugin: Callable[..., Plugin], write_plugin: Callable[..., Any]) -> Plugin:
    folder = write_plugin("echo", ECHO)
    return make_plugin("echo", State.FAILED, reason="it broke", folder=str(folder))


def act(name: str, plugin: Plugin) -> str:
    return reverse(f"admin:plugin_{name}", args=[plugin.pk])


@pytest.mark.parametrize("role", ["Viewer", "Operator", "Auditor"])
@pytest.mark.parametrize("name", NEEDS)
def test_who_is_no_manager_changes_no_plugin(
    visit: Callable[..., Client], broken: Plugin, name: str, role: str
) -> None:
    answer = visit(role).post(act(name, broken), {"reason": "I want to"})
    assert answer.status_code == 403
    assert Plugin.objects.get().state == State.FAILED
    assert not AuditEntry.objects.exists()


def test_a_viewer_starts_and_cancels_nothing(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin], make_run: Callable[..., Run]
) -> None:
    viewer, plugin = visit("Viewer"), make_plugin()
    run = make_run(plugin, RunStatus.QUEUED)
    for page in (
        reverse("admin:plugin_run", args=[plugin.pk, "say"]),
        reverse("admin:run_cancel", args=[run.pk]),
        reverse("admin:run_rerun", args=[run.pk]),
        reverse("admin:plugin_restart_many"),
        reverse("admin:audit_verify"),
    ):
        assert viewer.post(page, {"input.text": "x"}).status_code in (403, 404), page
    assert Run.objects.get().status == RunStatus.QUEUED


def test_every_address_that_acts_is_closed_to_a_viewer(
    visit: Callable[..., Client], broken: Plugin, make_run: Callable[..., Run]
) -> None:
    """Walks the console's own addresses, so that none can be added and forgotten."""
    viewer, run = visit("Viewer"), make_run(broken, RunStatus.QUEUED)
    facts = {"tool": "say", "kind": "csv", "field": "video"}
    found = [each for part in site.urls[0] for each in getattr(part, "url_patterns", [])]
    acts = [each for each in found if (each.name or "").startswith(OUR_ACTS)]
    assert len(acts) >= len(NEEDS)
    for each in acts:
        facts["pk"] = run.pk if each.name.startswith("run_") else broken.pk
        wanted = {name: facts[name] for name in each.pattern.converters}
        page = reverse(f"admin:{each.name}", kwargs=wanted)
        answer = viewer.post(page, {"reason": "I want to", "input.text": "x"})
        assert answer.status_code in (403, 404, 405) or each.name in READING, page
    assert Plugin.objects.get().state == State.FAILED
    assert Run.objects.get().status == RunStatus.QUEUED
    assert not AuditEntry.objects.exists()


def test_a_get_changes_nothing(
    superuser: Client, broken: Plugin, make_run: Callable[..., Run]
) -> None:
    run = make_run(broken, RunStatus.QUEUED)
    for name in NEEDS:
        assert superuser.get(act(name, broken), {"reason": "x"}).status_code in (200, 405)
    for name in ("cancel", "rerun"):
        assert superuser.get(reverse(f"admin:run_{name}", args=[run.pk])).status_code == 405
    assert superuser.get(reverse("admin:plugin_run", args=[broken.pk, "say"])).status_code == 405
    assert Plugin.objects.get().state == State.FAILED
    assert not AuditEntry.objects.exists()


def test_a_post_without_the_csrf_token_is_refused(
    make_user: Callable[..., Any], broken: Plugin
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user("mia", "Manager", is_staff=True))
    assert strict.post(act("restart", broken), {"reason": "x"}).status_code == 403
    assert Plugin.objects.get().state == State.FAILED


def test_a_manager_restarts_a_failed_plugin_with_a_reason(
    visit: Callable[..., Client], broken: Plugin
) -> None:
    manager = visit("Manager")
    asked = manager.get(act("restart", broken)).content.decode()
    assert "csrfmiddlewaretoken" in asked
    page = manager.post(act("restart", broken), {"reason": "cable is back in"}, follow=True)
    assert "cable is back in" in page.content.decode()
    broken.refresh_from_db()
    assert broken.state == State.LOADED
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.reason) == (
        "plugin.restarted",
        manager.user.username,
        "cable is back in",
    )


def test_a_restart_without_a_reason_says_that_one_is_needed(
    visit: Callable[..., Client], broken: Plugin
) -> None:
    page = visit("Manager").post(act("restart", broken), {"reason": "  "}, follow=True)
    assert "A reason is required" in page.content.decode()
    assert Plugin.objects.get().state == State.FAILED


def test_what_the_state_does_not_allow_is_told(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin]
) -> None:
    plugin = make_plugin()
    page = visit("Manager").post(act("restart", plugin), {"reason": "x"}, follow=True)
    assert "only from FAILED or UNAVAILABLE" in page.content.decode()


def test_many_are_restarted_at_once(
    visit: Callable[..., Client], broken: Plugin, make_plugin: Callable[..., Plugin]
) -> None:
    fine, manager = make_plugin("fine"), visit("Manager")
    chosen = {"action": "restart_selected", "_selected_action": [broken.pk, fine.pk]}
    asked = manager.post(reverse("admin:plugins_app_plugin_changelist"), chosen)
    assert f'name="plugin" value="{broken.pk}"' in asked.content.decode()
    manager.post(
        reverse("admin:plugin_restart_many"), {"plugin": [broken.pk, fine.pk], "reason": "storm"}
    )
    assert Plugin.objects.get(name="echo").state == State.LOADED
    assert Plugin.objects.get(name="fine").state == State.INITIALIZED


def test_limits_are_set_and_taken_back(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin]
) -> None:
    plugin, manager = make_plugin(), visit("Manager")
    manager.post(act("limits", plugin), {"timeout_seconds": "90", "memory_mb": "512"})
    plugin.refresh_from_db()
    assert (plugin.timeout_seconds, plugin.memory_mb) == (90, 512)
    page = manager.get(
        reverse("admin:plugins_app_plugin_change", args=[plugin.pk]), {"tab": "limits"}
    )
    assert "set here" in page.content.decode()
    manager.post(act("limits", plugin), {"timeout_seconds": ""})
    plugin.refresh_from_db()
    assert (plugin.timeout_seconds, plugin.memory_mb) == (None, 512)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1e3", "٣"])
def test_a_limit_that_makes_no_sense_is_refused_with_its_range(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin], value: str
) -> None:
    plugin = make_plugin()
    page = visit("Manager").post(act("limits", plugin), {"memory_mb": value}, follow=True)
    assert "a whole number from 64" in page.content.decode()
    assert Plugin.objects.get().memory_mb is None


def test_config_is_changed_and_a_secret_is_never_shown_again(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin]
) -> None:
    plugin, manager = make_plugin(), visit("Manager")
    posted = {"setting.greeting": "ahoy", "setting.key": "hunter2-secret"}
    page = manager.post(act("config", plugin), posted, follow=True).content.decode()
    plugin.refresh_from_db()
    assert plugin.config == {"greeting": "ahoy", "key": "hunter2-secret"}
    assert "hunter2-secret" not in page
    assert "hunter2-secret" not in str(list(AuditEntry.objects.values()))
    manager.post(act("config", plugin), {"setting.greeting": "hello", "setting.key": ""})
    plugin.refresh_from_db()
    assert plugin.config == {"key": "hunter2-secret"}
    manager.post(act("config", plugin), {"reset": "yes"})
    plugin.refresh_from_db()
    assert plugin.config == {}


def test_an_operator_runs_a_tool_by_its_form(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin]
) -> None:
    plugin, operator = make_plugin(), visit("Operator")
    address = reverse("admin:plugin_run", args=[plugin.pk, "say"])
    posted = {"input.text": "ahoy", "input.times": "3", "input.loud": ""}
    answer = operator.post(address, posted, headers={"accept": "application/json"})
    run = Run.objects.get()
    assert answer.json() == {"address": reverse("admin:plugins_app_run_change", args=[run.pk])}
    assert (run.input, run.via) == ({"text": "ahoy", "times": 3}, "console")
    assert run.actor == operator.user.username


@pytest.mark.parametrize(
    ("posted", "words"),
    [({"input.text": "a", "input.times": "x"}, "integer"), ({}, "text")],
)
def test_a_form_that_does_not_fit_is_told_where(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin], posted: Any, words: str
) -> None:
    address = reverse("admin:plugin_run", args=[make_plugin().pk, "say"])
    answer = visit("Operator").post(address, posted, headers={"accept": "application/json"})
    if words == "text":  # an empty text is an answer where text is asked for
        assert answer.status_code == 201
    else:
        assert answer.status_code == 400
        assert words in answer.json()["message"]


def test_a_file_of_the_form_becomes_an_upload(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin]
) -> None:
    schema = {
        "type": "object",
        "properties": {"film": {"type": "object", "properties": {"upload": {"type": "string"}}}},
        "required": ["film"],
    }
    tool = {
        "name": "watch",
        "title": "",
        "description": "",
        "streams": True,
        "input_schema": schema,
        "output_schema": {},
        "file_fields": ["film"],
    }
    plugin = make_plugin(tools=[tool])
    operator = visit("Operator")
    film = SimpleUploadedFile("film.mp4", b"0123456789")
    operator.post(reverse("admin:plugin_run", args=[plugin.pk, "watch"]), {"input.film": film})
    run, upload = Run.objects.get(), Upload.objects.get()
    assert run.input == {"film": {"upload": str(upload.pk)}}
    part = operator.get(
        reverse("admin:run_media", args=[run.pk, "film"]), headers={"range": "bytes=2-4"}
    )
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"234")
    assert part["Content-Type"] == "video/mp4"
    again = {"upload.film": str(upload.pk)}
    operator.post(reverse("admin:plugin_run", args=[plugin.pk, "watch"]), again)
    assert Run.objects.count() == 2


def test_a_run_is_cancelled_and_asked_for_again(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin], make_run: Callable[..., Run]
) -> None:
    operator, run = visit("Operator"), make_run(make_plugin(), RunStatus.QUEUED)
    operator.post(reverse("admin:run_cancel", args=[run.pk]))
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
    said = operator.post(reverse("admin:run_cancel", args=[run.pk]), follow=True)
    assert "The run has ended" in said.content.decode()
    operator.post(reverse("admin:run_rerun", args=[run.pk]))
    assert Run.objects.get(rerun_of=run.pk).input == run.input


def test_many_runs_are_cancelled_at_once(
    visit: Callable[..., Client], make_plugin: Callable[..., Plugin], make_run: Callable[..., Run]
) -> None:
    plugin = make_plugin()
    runs = [make_run(plugin, RunStatus.QUEUED) for _ in range(3)]
    chosen = {"action": "cancel_selected", "_selected_action": [str(r.pk) for r in runs]}
    visit("Operator").post(reverse("admin:plugins_app_run_changelist"), chosen)
    assert set(Run.objects.values_list("status", flat=True)) == {RunStatus.CANCELLED}


def test_changes_of_what_people_may_do_are_in_the_audit(
    superuser: Client, make_user: Callable[..., Any]
) -> None:
    added = superuser.post(
        reverse("admin:auth_user_add"),
        {
            "username": "eve",
            "usable_password": "true",
            "password1": "long-enough-77",
            "password2": "long-enough-77",
        },
    )
    assert added.status_code == 302, added.context["errors"]
    eve = get_user_model().objects.get(username="eve")
    page = reverse("admin:auth_user_change", args=[eve.pk])
    form = superuser.get(page).context["adminform"].form.initial
    posted = {k: v for k, v in form.items() if v not in (None, False, [])} | {
        "groups": [Group.objects.get(name="Manager").pk],
        "is_staff": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    }
    answer = superuser.post(page, posted)
    assert answer.status_code == 302, answer.context["errors"]
    change = AuditEntry.objects.get(action="user.changed")
    assert (change.object, change.after["roles"]) == ("user:eve", ["Manager"])
    password = {
        "password1": "another-long-88",
        "password2": "another-long-88",
        "usable_password": "true",
    }
    superuser.post(reverse("admin:auth_user_password_change", args=[eve.pk]), password)
    superuser.post(reverse("admin:auth_user_delete", args=[eve.pk]), {"post": "yes"})
    told = list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))
    assert told == ["user.added", "user.changed", "user.password_changed", "user.removed"]
    assert {entry.actor for entry in AuditEntry.objects.all()} == {superuser.user.username}
