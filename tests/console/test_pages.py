"""Every page, for every role: a Viewer sees all of it, and nobody can edit state or history."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from plugins_app.console import run_list
from plugins_app.models import AuditEntry, Run
from plugins_app.services.statistics import first_id

TABS = ("overview", "tools", "limits", "config", "transitions", "runs", "manifest")
LISTS = ("plugin", "run", "transition", "upload", "worker")
EVERY_MODEL = (*LISTS, "auditentry")


@pytest.mark.parametrize("model", LISTS)
def test_a_viewer_sees_each_list(visit: Callable[..., Client], populated: Run, model: str) -> None:
    answer = visit("Viewer").get(reverse(f"admin:plugins_app_{model}_changelist"))
    assert answer.status_code == 200


@pytest.mark.parametrize("tab", TABS)
def test_a_viewer_sees_each_tab_of_a_plugin(
    visit: Callable[..., Client], populated: Run, tab: str
) -> None:
    page = reverse("admin:plugins_app_plugin_change", args=[populated.plugin_id])
    answer = visit("Viewer").get(page, {"tab": tab})
    assert answer.status_code == 200
    assert "Restart" not in answer.content.decode()


def test_a_viewer_sees_dashboard_health_run_and_comparison(
    visit: Callable[..., Client], populated: Run
) -> None:
    viewer = visit("Viewer")
    for page in (
        reverse("admin:index"),
        reverse("console-health"),
        reverse("admin:plugins_app_run_change", args=[populated.pk]),
        reverse("admin:run_compare", args=[populated.pk]),
    ):
        assert viewer.get(page).status_code == 200, page


def test_the_audit_is_for_auditors(visit: Callable[..., Client]) -> None:
    page = reverse("admin:plugins_app_auditentry_changelist")
    assert visit("Manager").get(page).status_code == 403
    assert visit("Auditor").get(page).status_code == 200


@pytest.mark.parametrize("model", EVERY_MODEL)
def test_not_even_a_superuser_may_add_change_or_delete(
    superuser: Client, populated: Run, model: str
) -> None:
    some = {
        "plugin": populated.plugin_id,
        "run": populated.pk,
        "transition": 1,
        "auditentry": 1,
        "worker": populated.pk,
        "upload": populated.pk,
    }[model]
    base = f"/admin/plugins_app/{model}/"
    assert superuser.get(f"{base}add/").status_code == 403
    assert superuser.post(f"{base}add/", {}).status_code == 403
    assert superuser.post(f"{base}{some}/change/", {"state": "FAILED"}).status_code in (
        302,
        403,
        405,
    )
    assert superuser.post(f"{base}{some}/delete/", {"post": "yes"}).status_code in (302, 403)
    assert Run.objects.filter(pk=populated.pk, status="succeeded").exists()


def test_the_queues_tasks_and_the_tokens_are_out_of_sight(superuser: Client) -> None:
    for page in ("/admin/django_q/ormq/", "/admin/django_q/schedule/", "/admin/knox/authtoken/"):
        assert superuser.get(page).status_code == 404


def test_somebody_without_a_role_sees_nothing_but_is_told_why(visit: Callable[..., Client]) -> None:
    nobody = visit()
    assert "no role yet" in nobody.get(reverse("admin:index")).content.decode()
    assert nobody.get("/admin/plugins_app/run/").status_code == 403


def test_a_stranger_is_sent_to_the_login(client: Client, populated: Run) -> None:
    answer = client.get(reverse("admin:plugins_app_run_change", args=[populated.pk]))
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


def test_unknown_things_are_not_found(superuser: Client, db: None) -> None:
    for page in (
        "run/nonsense/change/",
        "plugin/99/change/",
        "auditentry/5/change/",
        "run/export.exe",
    ):
        assert superuser.get(f"/admin/plugins_app/{page}").status_code == 404, page


def test_the_run_list_asks_few_questions_however_many_runs(
    visit: Callable[..., Client],
    make_plugin: Callable[..., Any],
    make_run: Callable[..., Run],
    django_assert_max_num_queries: Any,
) -> None:
    viewer, plugin = visit("Viewer"), make_plugin()
    counts = []
    for _ in range(2):
        for _number in range(15):
            make_run(plugin)
        with django_assert_max_num_queries(9) as asked:
            viewer.get(reverse("admin:plugins_app_run_changelist"))
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_plugin_list_asks_nothing_per_plugin(
    visit: Callable[..., Client],
    make_plugin: Callable[..., Any],
    django_assert_max_num_queries: Any,
) -> None:
    viewer = visit("Viewer")
    for number in range(12):
        make_plugin(f"plugin-{number}")
    with django_assert_max_num_queries(9):
        viewer.get(reverse("admin:plugins_app_plugin_changelist"))


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"on": "2026"}, True),
        ({"on": "2026-03"}, True),
        ({"on": "2026-03-14"}, True),
        ({"on": "2026-03-15"}, False),
        ({"on": "2025"}, False),
        ({"on": "nonsense"}, True),
        ({"queued_at_from_0": "2026-03-14", "queued_at_to_0": "2026-03-15"}, True),
        ({"queued_at_from_0": "2026-03-15"}, False),
        ({"peak_mb_from": "39", "peak_mb_to": "41"}, True),
        ({"peak_mb_from": "41"}, False),
        ({"wall_seconds_from": "1", "wall_seconds_to": "2"}, True),
        ({"wall_seconds_from": "2"}, False),
        ({"q": "019ce"}, False),
        ({"q": "{id:.13}"}, True),
        ({"q": "the lens"}, True),
        ({"q": "nowhere"}, False),
    ],
)
def test_runs_are_found_by_time_size_duration_and_words(
    superuser: Client,
    make_plugin: Callable[..., Any],
    make_run: Callable[..., Run],
    query: dict[str, str],
    is_found: bool,
) -> None:
    asked = datetime(2026, 3, 14, 12, tzinfo=UTC)
    pk = UUID(int=first_id(asked).int | 0x7000_8000_0000_0000_0001)
    make_run(make_plugin(), pk=pk, queued_at=asked, error_message="the lens is dirty")
    words = {name: value.format(id=str(pk)) for name, value in query.items()}
    page = superuser.get(reverse("admin:plugins_app_run_changelist"), words)
    assert (f"/run/{pk}/change/" in page.content.decode()) == is_found


def test_words_are_looked_for_among_the_newest_runs_and_the_page_says_so(
    superuser: Client,
    make_plugin: Callable[..., Any],
    make_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_list, "MOST_SEARCHED", 3)
    plugin = make_plugin()
    runs = [make_run(plugin, error_message="the lens is dirty") for _ in range(5)]
    page = superuser.get(
        reverse("admin:plugins_app_run_changelist"), {"q": "lens"}
    ).content.decode()
    assert [f"/run/{run.pk}/change/" in page for run in runs] == [False, False, True, True, True]
    assert "Only the newest 3 runs were looked through" in page
    export = superuser.get(reverse("admin:run_export", args=["csv"]), {"q": "lens"})
    whole = b"".join(export.streaming_content).decode()
    assert all(str(run.pk) in whole for run in runs)


def test_runs_are_found_by_their_whole_id(superuser: Client, populated: Run) -> None:
    page = superuser.get(reverse("admin:plugins_app_run_changelist"), {"q": str(populated.pk)})
    assert str(populated.pk) in page.content.decode()


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_what_is_filtered_is_exported(superuser: Client, populated: Run, kind: str) -> None:
    page = reverse("admin:run_export", args=[kind])
    whole = b"".join(superuser.get(page).streaming_content).decode()
    assert str(populated.pk) in whole
    none = b"".join(superuser.get(page, {"status__exact": "lost"}).streaming_content).decode()
    assert str(populated.pk) not in none


def test_a_formula_stays_a_text_in_the_export(
    superuser: Client, make_plugin: Callable[..., Any], make_run: Callable[..., Run]
) -> None:
    make_run(make_plugin(), error_message="=HYPERLINK(evil)")
    page = superuser.get(reverse("admin:run_export", args=["csv"]))
    assert "'=HYPERLINK(evil)" in b"".join(page.streaming_content).decode()


def test_the_audit_verifies_by_a_button_and_exports_its_hashes(
    visit: Callable[..., Client], superuser: Client, populated: Run
) -> None:
    superuser.post(reverse("admin:plugin_disable", args=[populated.plugin_id]))
    auditor = visit("Auditor")
    assert auditor.get(reverse("admin:audit_verify")).status_code == 405
    page = auditor.post(reverse("admin:audit_verify"), follow=True).content.decode()
    assert "The chain holds" in page
    entry = AuditEntry.objects.get(action="plugin.configured")
    export = auditor.get(reverse("admin:audit_export", args=["json"]))
    assert entry.hash in b"".join(export.streaming_content).decode()
    one = auditor.get(reverse("admin:plugins_app_auditentry_change", args=[entry.seq]))
    assert entry.hash in one.content.decode()
