"""django-q2's ORM broker with a doorbell in place of its sleep, first in first out.

Stock, a task waits for the next poll, rows come in no order, and every call checks the connection's
age, which costs more than the query.
"""

import logging
import time
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import Error, connection
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

from plugins_app import hints
from plugins_app.services.insistence import insist

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 0.5


class Doorbell(ORM):
    """What `Q_CLUSTER["broker_class"]` names. Outlives a database that is away for a while."""

    _bell: hints.Doorbell | None = None

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:  # noqa: ARG004 - django-q2's signature
        return OrmQ.objects

    @staticmethod
    def get_cache() -> None:
        """No statistics: the workers' rows tell more, and Redis being away disturbs nobody."""

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Return at most `bulk` tasks that are now ours; None when none came in half a second."""
        try:
            return self._take() or self._take_after_the_bell()
        except Error as error:
            words = " ".join(str(error).split())
            logger.warning("the queue cannot be read: %s", words, extra={"action": "queue_away"})
            connection.close()
            time.sleep(PAUSE_SECONDS)
            return None

    def timeout(self, task: Any) -> datetime:  # noqa: ARG002 - django-q2's signature
        return timezone.now() + timedelta(seconds=Conf.RETRY)

    def delete(self, task_id: int) -> None:
        """Forget a task that was done or cannot be read; what acknowledges must outlive an outage."""
        insist(lambda: OrmQ.objects.filter(pk=task_id).delete())

    def _take_after_the_bell(self) -> list[tuple[int, str]] | None:
        if self._bell is None:
            self._bell = hints.listen()
        return self._take() if self._bell.wait(LONGEST_WAIT_SECONDS) else None

    def _take(self) -> list[tuple[int, str]] | None:
        free = OrmQ.objects.filter(key=self.list_key, lock__lt=timezone.now())
        taken = [
            (task.pk, task.payload)
            for task in free.order_by("pk")[: Conf.BULK]
            # The guarded update decides between clusters that saw the same row.
            if free.filter(pk=task.pk, lock=task.lock).update(lock=self.timeout(task))
        ]
        return taken or None
