"""What Prometheus reads: the registry's snapshot and a few grouped queries, made when asked for."""

from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from plugins_app import registry
from plugins_app.lifecycle import State
from plugins_app.models import Run, Worker


class PlatformCollector:
    def collect(self) -> Iterator[Metric]:
        yield from _plugins()
        yield from _runs()
        yield from _queue()
        alive = Worker.objects.alive().count()
        yield GaugeMetricFamily("bulkhead_workers", "Workers with a fresh heartbeat.", value=alive)


def _plugins() -> Iterator[Metric]:
    plugins = registry.all()
    by_state = GaugeMetricFamily("bulkhead_plugins", "Plugins by state.", labels=["state"])
    for state in State:
        by_state.add_metric([state.value], sum(plugin.state is state for plugin in plugins))
    yield by_state
    in_service = GaugeMetricFamily(
        "bulkhead_plugin_accepts_runs", "1 when a run would be accepted.", labels=["plugin"]
    )
    outcomes = CounterMetricFamily(
        "bulkhead_plugin_runs", "Runs that ended, over all time.", labels=["plugin", "outcome"]
    )
    for plugin in plugins:
        in_service.add_metric([plugin.name], plugin.accepts_runs)
        outcomes.add_metric([plugin.name, "success"], plugin.success_count)
        outcomes.add_metric([plugin.name, "error"], plugin.error_count)
    yield in_service
    yield outcomes


def _runs() -> Iterator[Metric]:
    kept = GaugeMetricFamily(
        "bulkhead_runs", "Runs in the history, by plugin and status.", labels=["plugin", "status"]
    )
    counted = Run.objects.order_by().values_list("plugin__name", "status").annotate(Count("pk"))
    for plugin, status, count in counted:
        kept.add_metric([plugin, status], count)
    yield kept


def _queue() -> Iterator[Metric]:
    queued = Run.objects.queued().order_by().values_list("queue")
    depth = GaugeMetricFamily("bulkhead_queue_depth", "Runs that wait.", labels=["queue"])
    oldest = GaugeMetricFamily(
        "bulkhead_queue_oldest_seconds", "How long the oldest has waited.", labels=["queue"]
    )
    now = timezone.now()
    for queue, count, since in queued.annotate(Count("pk"), Min("queued_at")):
        depth.add_metric([queue], count)
        oldest.add_metric([queue], max(0.0, (now - since).total_seconds()))
    yield depth
    yield oldest


REGISTRY: Final = CollectorRegistry(auto_describe=False)
REGISTRY.register(PlatformCollector())
