"""A run and what it left behind."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plugins_app.api.serializers.plugins import LimitsSerializer
from plugins_app.lifecycle import RunStatus, Via
from plugins_app.models import Run

STATUSES: Final = [status.value for status in RunStatus]
ANY_JSON = {"nullable": True, "description": "Whatever the tool returned; see its output schema."}


class InputFileSerializer(serializers.Serializer):
    field = serializers.CharField()
    upload = serializers.UUIDField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class RunWorkerSerializer(serializers.Serializer):
    host = serializers.CharField()
    pid = serializers.IntegerField()


class RunErrorSerializer(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    traceback = serializers.CharField()


class RunSerializer(serializers.Serializer):
    """One run, whole."""

    id = serializers.UUIDField()
    plugin = serializers.CharField(source="plugin.name")
    plugin_version = serializers.CharField()
    tool = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    input = serializers.DictField()
    files = InputFileSerializer(many=True)
    actor = serializers.CharField(help_text="A copy of the name: it survives the user.")
    via = serializers.ChoiceField(choices=[via.value for via in Via])
    rerun_of = serializers.UUIDField(allow_null=True)
    limits = serializers.SerializerMethodField(help_text="In force, and who set each.")
    guards = serializers.ListField(
        help_text="What held the run in, as its worker could enforce it."
    )
    worker = serializers.SerializerMethodField()
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    wall_seconds = serializers.FloatField(allow_null=True)
    cpu_seconds = serializers.FloatField(allow_null=True)
    peak_memory_bytes = serializers.IntegerField(allow_null=True)
    exit_code = serializers.IntegerField(allow_null=True)
    signal = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    event_count = serializers.IntegerField()
    log_tail = serializers.CharField()

    @extend_schema_field(LimitsSerializer)
    def get_limits(self, run: Run) -> dict[str, Any]:
        return run.limits

    @extend_schema_field(RunWorkerSerializer(allow_null=True))
    def get_worker(self, run: Run) -> dict[str, Any] | None:
        return {"host": run.worker_host, "pid": run.worker_pid} if run.worker_host else None

    def get_signal(self, run: Run) -> str | None:
        return run.signal or None

    @extend_schema_field(ANY_JSON)
    def get_result(self, run: Run) -> Any:
        return run.result

    @extend_schema_field(RunErrorSerializer(allow_null=True))
    def get_error(self, run: Run) -> dict[str, str] | None:
        if not run.error_code:
            return None
        return {
            "code": run.error_code,
            "message": run.error_message,
            "traceback": run.error_traceback,
        }


class CancelSerializer(serializers.Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class EventSerializer(serializers.Serializer):
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    data = serializers.DictField()


class EventsSerializer(serializers.Serializer):
    """A stretch of a run's events, without a gap; `last_seq` is the newest there is."""

    events = EventSerializer(many=True)
    last_seq = serializers.IntegerField()
    status = serializers.ChoiceField(choices=STATUSES)


class ArtifactSerializer(serializers.Serializer):
    name = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
