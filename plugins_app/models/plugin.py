"""A plugin's record, its transitions, and the clock that tells snapshots they are old."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from plugins_app.lifecycle import State, why_no_runs
from plugins_app.querysets import PluginQuerySet, TransitionQuerySet


class Plugin(models.Model):
    """One registered plugin. Only services write it; `state` moves only through transitions."""

    name = models.SlugField(max_length=100, unique=True)
    version = models.CharField(max_length=64)
    description = models.TextField(blank=True)
    folder = models.CharField(max_length=1024)
    digest = models.CharField(max_length=64, help_text="SHA-256 over the manifest and the code.")
    manifest = models.JSONField(default=dict)
    tools = models.JSONField(default=list)

    state = models.CharField(max_length=16, choices=[(s, s) for s in State], default=State.LOADED)
    code = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    since = models.DateTimeField(default=timezone.now)
    in_service_since = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    registered_at = models.DateTimeField(default=timezone.now)

    timeout_seconds = models.PositiveIntegerField(null=True)
    memory_mb = models.PositiveIntegerField(null=True)
    max_concurrent_runs = models.PositiveIntegerField(null=True)
    config = models.JSONField(default=dict)

    success_count = models.PositiveBigIntegerField(default=0)
    error_count = models.PositiveBigIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True)
    recent_milliseconds = models.JSONField(
        default=list, help_text="The last ten runs, oldest first."
    )

    load_attempts = models.PositiveSmallIntegerField(default=0)
    load_requested_at = models.DateTimeField(null=True)
    loading_worker = models.ForeignKey(
        "plugins_app.Worker", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    generation = models.PositiveBigIntegerField(default=0, db_index=True)

    objects = PluginQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in State]), name="plugin_state_is_known"
            ),
        )
        permissions = (
            ("restart_plugin", "Can restart plugins"),
            ("reload_plugin", "Can reload plugins"),
            ("configure_plugin", "Can change limits, config and enablement of plugins"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def accepts_runs(self) -> bool:
        return not self.refusal

    @property
    def refusal(self) -> str:
        """Why a run would be refused; "" when it would be accepted."""
        return why_no_runs(
            name=self.name,
            state=State(self.state),
            enabled=self.enabled,
            reason=self.reason,
            has_tools=bool(self.tools),
        )


class Transition(models.Model):
    """One change of state. `seq` counts from 1 without a gap, in the order of the commits."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    plugin = models.ForeignKey(Plugin, on_delete=models.PROTECT, related_name="transitions")
    from_state = models.CharField(max_length=16, null=True)
    to_state = models.CharField(max_length=16)
    code = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=200)
    run_id = models.UUIDField(null=True, help_text="Kept when the run itself is pruned.")
    at = models.DateTimeField(default=timezone.now)

    objects = TransitionQuerySet.as_manager()

    class Meta:
        ordering = ("-seq",)
        indexes = (models.Index(fields=("plugin", "-seq"), name="transition_by_plugin"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(to_state__in=[s.value for s in State]), name="transition_to_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.from_state or '(registered)'} → {self.to_state}"


class RegistryClock(models.Model):
    """One row: the generation of the newest plugin change, and the last transition's number.

    Whoever changes a plugin advances it in the same transaction; the row's lock puts those
    transactions in order, so a reader that has seen number N has seen everything before it.
    """

    generation = models.PositiveBigIntegerField(default=0)
    transitions = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="registry_clock_is_one_row"),)

    def __str__(self) -> str:
        return f"generation {self.generation}"
