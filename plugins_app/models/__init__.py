"""The tables. Fields, constraints and indexes live here; queries in `querysets`, acts in `services`."""

from plugins_app.models.audit import AuditEntry
from plugins_app.models.plugin import Plugin, RegistryClock, Transition
from plugins_app.models.run import Artifact, Run, RunEvent, RunPreview
from plugins_app.models.upload import IdempotencyRecord, Ticket, Upload
from plugins_app.models.worker import Worker

__all__ = [
    "Artifact",
    "AuditEntry",
    "IdempotencyRecord",
    "Plugin",
    "RegistryClock",
    "Run",
    "RunEvent",
    "RunPreview",
    "Ticket",
    "Transition",
    "Upload",
    "Worker",
]
