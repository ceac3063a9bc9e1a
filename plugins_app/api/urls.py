"""The API's addresses, below /api/v1/."""

from django.urls import path, re_path

from plugins_app.api.fallbacks import unknown_address
from plugins_app.api.views import artifacts, auth, events, platform, plugins, runs, schema, uploads

app_name = "api"

PLUGIN = "plugins/<str:name>/"
RUN = "runs/<uuid:pk>/"

urlpatterns = [
    path("plugins/", plugins.PluginList.as_view(), name="plugins"),
    path(PLUGIN, plugins.PluginDetail.as_view(), name="plugin"),
    path(f"{PLUGIN}restart/", plugins.PluginRestart.as_view(), name="plugin-restart"),
    path(f"{PLUGIN}reload/", plugins.PluginReload.as_view(), name="plugin-reload"),
    path(f"{PLUGIN}health/", plugins.PluginHealth.as_view(), name="plugin-health"),
    path(f"{PLUGIN}ready/", plugins.PluginReady.as_view(), name="plugin-ready"),
    path(f"{PLUGIN}transitions/", plugins.PluginTransitions.as_view(), name="plugin-transitions"),
    path(f"{PLUGIN}tools/<str:tool>/run/", runs.ToolRun.as_view(), name="tool-run"),
    path("runs/", runs.RunList.as_view(), name="runs"),
    path(RUN, runs.RunDetail.as_view(), name="run"),
    path(f"{RUN}cancel/", runs.RunCancel.as_view(), name="run-cancel"),
    path(f"{RUN}rerun/", runs.RunRerun.as_view(), name="run-rerun"),
    path(f"{RUN}events/", events.RunEvents.as_view(), name="run-events"),
    path(f"{RUN}artifacts/", artifacts.RunArtifacts.as_view(), name="run-artifacts"),
    path(f"{RUN}artifacts/<str:name>", artifacts.ArtifactFile.as_view(), name="run-artifact"),
    path("uploads/", uploads.Uploads.as_view(), name="uploads"),
    path("audit/", platform.AuditList.as_view(), name="audit"),
    path("audit/verify/", platform.AuditVerification.as_view(), name="audit-verify"),
    path("workers/", platform.WorkerList.as_view(), name="workers"),
    path("auth/login/", auth.Login.as_view(), name="login"),
    path("auth/logout/", auth.Logout.as_view(), name="logout"),
    path("auth/ticket/", auth.Ticket.as_view(), name="ticket"),
    path("health/live/", platform.Live.as_view(), name="health-live"),
    path("health/ready/", platform.Ready.as_view(), name="health-ready"),
    path("schema/", schema.Schema.as_view(), name="schema"),
    path("docs/", schema.Docs.as_view(), name="docs"),
    re_path(r"^(?P<rest>.*)$", unknown_address),
]
