"""Whatever a plugin says shows as text, and as nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plugins_app.console.plain import plain
from plugins_app.lifecycle import RunStatus, State
from plugins_app.models import Plugin, Run

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '<div x-data x-init="alert(1)">{{ 7*7 }}</div>',
    "' x-on:click='alert(1)",
)


@pytest.mark.parametrize("words", NASTY)
def test_markup_of_a_plugin_is_escaped_everywhere(
    superuser: Client, make_plugin: Callable[..., Plugin], make_run: Callable[..., Run], words: str
) -> None:
    plugin = make_plugin(
        state=State.FAILED,
        reason=words,
        traceback=words,
        description=words,
        tools=[
            {
                "name": "say",
                "title": words,
                "description": words,
                "streams": False,
                "file_fields": [],
                "input_schema": {
                    "properties": {
                        words: {
                            "type": "string",
                            "title": words,
                            "description": words,
                            "default": words,
                        }
                    }
                },
                "output_schema": {"title": words},
            }
        ],
    )
    run = make_run(
        plugin,
        RunStatus.FAILED,
        error_message=words,
        error_traceback=words,
        log_tail=words,
        result={words: words},
        input={words: words},
    )
    change = reverse("admin:plugins_app_plugin_change", args=[plugin.pk])
    pages = [
        reverse("admin:index"),
        reverse("admin:plugins_app_plugin_changelist"),
        change,
        f"{change}?tab=tools",
        f"{change}?tab=runs",
        f"{change}?tab=manifest",
        reverse("admin:plugins_app_run_changelist"),
        reverse("admin:plugins_app_run_change", args=[run.pk]),
        reverse("admin:run_compare", args=[run.pk]),
    ]
    for page in pages:
        assert words not in superuser.get(page).content.decode(), page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x00b\x07", "a␀b␇"),
        ("user\u202etxt.exe", "user[U+202E]txt.exe"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b]8;;http://evil\x07link", "link"),
    ],
)
def test_marks_that_act_on_terminals_or_directions_are_made_visible(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_line_of_a_megabyte_is_cut_and_says_so() -> None:
    shown = plain("x" * (1 << 20))
    assert len(shown) < 21_000
    assert shown.endswith("1,028,576 more characters")


def test_a_page_about_huge_texts_stays_small(
    superuser: Client, make_plugin: Callable[..., Plugin], make_run: Callable[..., Any]
) -> None:
    run = make_run(
        make_plugin(), RunStatus.FAILED, error_message="x" * (1 << 20), log_tail="y" * (1 << 20)
    )
    page = superuser.get(reverse("admin:plugins_app_run_change", args=[run.pk]))
    assert len(page.content) < 300_000
