"""What people do to a run from the console."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from plugins_app.console.acting import actor_of, attempt, require
from plugins_app.lifecycle import Via
from plugins_app.models import Run
from plugins_app.services import runs


@require_POST
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    require(request, "cancel_run")
    run = get_object_or_404(Run, pk=pk)

    def cancelled() -> Run:
        reason = request.POST.get("reason", "").strip()
        return runs.cancel_run(run=run, actor=actor_of(request), reason=reason)

    attempt(request, cancelled, done="Cancelled: it ends as soon as its processes are dead.")
    return HttpResponseRedirect(_page(run))


@require_POST
def rerun(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The same call once more; on a refusal back to the run, with the reason."""
    require(request, "start_run")
    run = get_object_or_404(Run.objects.select_related("plugin"), pk=pk)

    def again() -> Run:
        return runs.rerun(run=run, actor=actor_of(request), via=Via.CONSOLE)

    started = attempt(request, again, done="Asked for once more: this is the new run.")
    return HttpResponseRedirect(_page(started or run))


def _page(run: Run) -> str:
    return reverse("admin:plugins_app_run_change", args=[run.pk])
