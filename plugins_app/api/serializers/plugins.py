"""A plugin, read from its snapshot."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plugins_app.lifecycle import State
from plugins_app.manifest import Manifest
from plugins_app.registry import PluginSnapshot

STATES: Final = [state.value for state in State]


class PluginBriefSerializer(serializers.Serializer):
    """One line of the list."""

    name = serializers.CharField()
    version = serializers.CharField()
    description = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    code = serializers.CharField(help_text="Why, as a word that stays the same.")
    reason = serializers.CharField(help_text="Why, and what to do.")
    since = serializers.DateTimeField(help_text="When the state began.")
    enabled = serializers.BooleanField()
    accepts_runs = serializers.BooleanField()
    tools = serializers.SerializerMethodField(help_text="Their names.")
    success_count = serializers.IntegerField()
    error_count = serializers.IntegerField()
    last_used = serializers.DateTimeField(source="last_used_at", allow_null=True)

    def get_tools(self, plugin: PluginSnapshot) -> list[str]:
        return [tool["name"] for tool in plugin.tools]


class ToolSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    streams = serializers.BooleanField()
    input_schema = serializers.DictField(help_text="JSON Schema of the body of `run/`.")
    output_schema = serializers.DictField(help_text="JSON Schema of a run's `result`.")
    file_fields = serializers.ListField(child=serializers.CharField())


class LimitSerializer(serializers.Serializer):
    value = serializers.IntegerField()
    source = serializers.ChoiceField(choices=["operator", "manifest", "global"])


class LimitsSerializer(serializers.Serializer):
    timeout_seconds = LimitSerializer()
    memory_mb = LimitSerializer()
    max_concurrent_runs = LimitSerializer()


class CountersSerializer(serializers.Serializer):
    success_count = serializers.IntegerField()
    error_count = serializers.IntegerField()
    last_used = serializers.DateTimeField(source="last_used_at", allow_null=True)
    last_execution_time_ms = serializers.SerializerMethodField()
    avg_execution_time_ms = serializers.SerializerMethodField(help_text="Of the last ten runs.")

    def get_last_execution_time_ms(self, plugin: PluginSnapshot) -> float | None:
        return plugin.recent_milliseconds[-1] if plugin.recent_milliseconds else None

    def get_avg_execution_time_ms(self, plugin: PluginSnapshot) -> float | None:
        recent = plugin.recent_milliseconds
        return round(sum(recent) / len(recent), 3) if recent else None


class PluginSerializer(PluginBriefSerializer):
    """Everything about one plugin; secrets are shown as "set" or null."""

    tools = ToolSerializer(many=True)
    manifest = serializers.DictField(help_text="`plugin.toml`, defaults filled in.")
    limits = LimitsSerializer(help_text="In force, and who set each.")
    config = serializers.SerializerMethodField(help_text="In force; a secret is `set` or null.")
    counters = CountersSerializer(source="*")
    traceback = serializers.CharField()
    refusal = serializers.CharField(help_text="Why a run would be refused, or empty.")
    digest = serializers.CharField(help_text="SHA-256 over the manifest and the code.")
    registered_at = serializers.DateTimeField()

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_config(self, plugin: PluginSnapshot) -> dict[str, Any]:
        if not plugin.manifest:
            return {}
        return Manifest.from_json(plugin.manifest).masked_config(plugin.config)


class HealthSerializer(CountersSerializer):
    """The same whatever the state; nulls before the first run."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    reason = serializers.CharField()
    version = serializers.CharField()
    since = serializers.DateTimeField()
    uptime_seconds = serializers.SerializerMethodField(help_text="In service; 0 when it is not.")

    def get_uptime_seconds(self, plugin: PluginSnapshot) -> float:
        if plugin.in_service_since is None:
            return 0.0
        return round(max(0.0, (timezone.now() - plugin.in_service_since).total_seconds()), 3)


class TransitionSerializer(serializers.Serializer):
    """One change of state."""

    to = serializers.CharField(source="to_state")
    code = serializers.CharField()
    reason = serializers.CharField()
    actor = serializers.CharField()
    run = serializers.UUIDField(source="run_id", allow_null=True)
    at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` is a keyword of Python, so it cannot be declared like the others.
        source = serializers.CharField(source="from_state", allow_null=True)
        return {"from": source, **super().get_fields()}


class ReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(help_text="For those who read the history.")


class PluginChangeSerializer(serializers.Serializer):
    """Any of these; `null` takes a limit, one setting, or all of `config` back to its default."""

    enabled = serializers.BooleanField(required=False)
    timeout_seconds = serializers.IntegerField(required=False, allow_null=True)
    memory_mb = serializers.IntegerField(required=False, allow_null=True)
    max_concurrent_runs = serializers.IntegerField(required=False, allow_null=True)
    config = serializers.DictField(required=False, allow_null=True)
