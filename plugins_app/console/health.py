"""The health page: what a run needs, and which guards each machine can put around it."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from plugins_app.console.acting import require
from plugins_app.services import health, statistics


def page(request: HttpRequest) -> HttpResponse:
    require(request, "view_worker")
    readiness = health.readiness()
    context = {
        **admin.site.each_context(request),
        "title": "Health",
        "ready": readiness.ready,
        "checks": readiness.checks,
        "queue": statistics.queue(),
        "workers": statistics.living_workers(),
    }
    return render(request, "console/health.html", context)
