"""A run as JSON for scripts, with the names that the REST API gives the same things."""

from typing import Any

from plugins_app.models import Run


def run_json(run: Run) -> dict[str, Any]:
    return _question(run) | _course(run) | _answer(run)


def _question(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "plugin": run.plugin.name,
        "plugin_version": run.plugin_version,
        "tool": run.tool,
        "status": run.status,
        "input": run.input,
        "files": run.files,
        "actor": run.actor,
        "via": run.via,
    }


def _course(run: Run) -> dict[str, Any]:
    worker = {"host": run.worker_host, "pid": run.worker_pid} if run.worker_host else None
    return {
        "limits": run.limits,
        "guards": run.guards,
        "worker": worker,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "wall_seconds": run.wall_seconds,
        "cpu_seconds": run.cpu_seconds,
        "peak_memory_bytes": run.peak_memory_bytes,
        "exit_code": run.exit_code,
        "signal": run.signal or None,
    }


def _answer(run: Run) -> dict[str, Any]:
    error = {
        "code": run.error_code,
        "message": run.error_message,
        "traceback": run.error_traceback,
    }
    return {
        "result": run.result,
        "error": error if run.error_code else None,
        "event_count": run.event_count,
        "log_tail": run.log_tail,
    }
