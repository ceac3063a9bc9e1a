"""Fills a database for the HTTP benchmark: twenty plugins, a user, and the token it prints."""

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import transaction  # noqa: E402
from knox.models import get_token_model  # noqa: E402

from plugins_app.actors import PLATFORM  # noqa: E402
from plugins_app.lifecycle import State  # noqa: E402
from plugins_app.models import Plugin  # noqa: E402
from plugins_app.services import transitions  # noqa: E402

TOOL = {
    "name": "say",
    "title": "Say",
    "description": "",
    "streams": False,
    "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
    "output_schema": {},
    "file_fields": [],
}

with transaction.atomic():
    for number in range(20):
        plugin = Plugin(name=f"plugin-{number}", version="1", folder="-", digest="-", tools=[TOOL])
        transitions.register(plugin=plugin, actor=PLATFORM)
        transitions.touch(plugin=plugin, state=State.INITIALIZED)
    user = get_user_model().objects.create_superuser("bench")
    print(get_token_model().objects.create(user=user)[1])
