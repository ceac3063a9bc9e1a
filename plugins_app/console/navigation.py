"""The sidebar: what an operator looks for, in the order of the day; only what the visitor may see."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    may = request.user.has_perm
    return [
        {
            "items": [
                _item("Dashboard", "space_dashboard", "admin:index"),
                *_model("Plugins", "extension", "plugin", may),
                *_model("Runs", "play_circle", "run", may),
                *_model("Workers and queue", "engineering", "worker", may),
            ]
        },
        {
            "title": "History",
            "separator": True,
            "items": [
                *_model("Transitions", "swap_horiz", "transition", may),
                *_model("Uploads", "upload_file", "upload", may),
                *_model("Audit", "verified_user", "auditentry", may),
            ],
        },
        {
            "title": "Platform",
            "separator": True,
            "items": [
                *(
                    [_item("Health", "monitor_heart", "console-health")]
                    if may("plugins_app.view_worker")
                    else []
                ),
                _item("API", "api", "api:docs"),
                *(
                    [_item("People", "group", "admin:auth_user_changelist")]
                    if may("auth.view_user")
                    else []
                ),
                *(
                    [_item("Roles", "badge", "admin:auth_group_changelist")]
                    if may("auth.view_group")
                    else []
                ),
            ],
        },
    ]


def _model(title: str, icon: str, model: str, may: Callable[[str], bool]) -> list[dict[str, Any]]:
    if not may(f"plugins_app.view_{model}"):
        return []
    return [_item(title, icon, f"admin:plugins_app_{model}_changelist")]


def _item(title: str, icon: str, address: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(address)}
