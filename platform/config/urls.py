"""Every address of the platform."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from plugins_app.api.fallbacks import unknown_address
from plugins_app.api.views.metrics import Metrics
from plugins_app.console import health

handler400 = "plugins_app.api.fallbacks.bad_request"
handler403 = "plugins_app.api.fallbacks.permission_denied"
handler404 = "plugins_app.api.fallbacks.page_not_found"
handler500 = "plugins_app.api.fallbacks.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("api/v1/", include("plugins_app.api.urls")),
    re_path(r"^api/(?P<rest>.*)$", unknown_address),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("admin/health/", admin.site.admin_view(health.page), name="console-health"),
    path("admin/", admin.site.urls),
]
