"""The rest: uploads, the audit, workers, people and health."""

from django.utils import timezone
from rest_framework import serializers

from plugins_app.models import Worker


class UploadSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class UploadFormSerializer(serializers.Serializer):
    file = serializers.FileField()


class AuditEntrySerializer(serializers.Serializer):
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    action = serializers.CharField()
    object = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    reason = serializers.CharField()
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


class VerificationSerializer(serializers.Serializer):
    ok = serializers.BooleanField()
    entries = serializers.IntegerField()
    head = serializers.CharField(help_text="The last hash: pin it elsewhere.")
    first_broken = serializers.IntegerField(allow_null=True)


class WorkerSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    host = serializers.CharField()
    pid = serializers.IntegerField()
    queues = serializers.ListField(child=serializers.CharField())
    started_at = serializers.DateTimeField()
    heartbeat_at = serializers.DateTimeField()
    heartbeat_age_seconds = serializers.SerializerMethodField()
    guards = serializers.ListField(help_text="What this machine can enforce on a run.")
    gpu = serializers.DictField()
    active_runs = serializers.SerializerMethodField()

    def get_heartbeat_age_seconds(self, worker: Worker) -> float:
        return round(max(0.0, (timezone.now() - worker.heartbeat_at).total_seconds()), 3)

    def get_active_runs(self, worker: Worker) -> list[str]:
        return [str(run.pk) for run in worker.active]


class LoginSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(help_text="For `Authorization: Token …`; shown only once.")
    expiry = serializers.DateTimeField()


class TicketSerializer(serializers.Serializer):
    ticket = serializers.CharField(help_text="Good for one WebSocket, within 30 seconds.")


class CheckSerializer(serializers.Serializer):
    ok = serializers.BooleanField()
    message = serializers.CharField()


class ChecksSerializer(serializers.Serializer):
    database = CheckSerializer()
    broker = CheckSerializer()
    channel_layer = CheckSerializer()
    worker = CheckSerializer()


class ReadinessSerializer(serializers.Serializer):
    status = serializers.ChoiceField(choices=["ok", "unavailable"])
    checks = ChecksSerializer()


class LivenessSerializer(serializers.Serializer):
    status = serializers.ChoiceField(choices=["ok"])


class ProblemFaultSerializer(serializers.Serializer):
    pointer = serializers.CharField(help_text="A JSON pointer (RFC 6901) into the request.")
    detail = serializers.CharField()
    code = serializers.CharField()


class ProblemSerializer(serializers.Serializer):
    """Every error (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField(help_text="A word that stays the same.")
    errors = ProblemFaultSerializer(many=True, required=False)
