"""The audit chain."""

from django.db import models


class AuditEntry(models.Model):
    """One act, chained by hash to the one before. Database triggers refuse update and delete."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    object = models.CharField(max_length=300)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("-seq",)
        verbose_name_plural = "audit entries"
        indexes = (
            models.Index(fields=("action", "-seq"), name="audit_by_action"),
            models.Index(fields=("object", "-seq"), name="audit_by_object"),
        )

    def __str__(self) -> str:
        return f"{self.seq} {self.action} {self.object}"
