"""What the console registers, and what it takes out of sight."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success
from knox.models import AuthToken

from plugins_app.console import audit, history, people, plugins, runs

__all__ = ["audit", "history", "people", "plugins", "runs"]

# The queue is the workers' own: a task deleted or added by hand would go round every service.
# Tokens are made and ended by logging in and out.
for model in (Failure, OrmQ, Schedule, Success, AuthToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
