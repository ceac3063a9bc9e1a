"""What django-q2 calls, by dotted name. A task is a hint: the services decide whether there is work."""

from plugins_app.cluster import drain, identity
from plugins_app.services import catalog, execution


def execute_run(run_id: str) -> None:
    if drain.has_begun():
        return  # it stays queued, and is asked for again by who lives on
    execution.execute_run(
        run_id=run_id,
        worker_id=identity.current_worker_id(),
        should_stop=drain.should_stop,
    )


def load_plugin(name: str) -> None:
    if drain.has_begun():
        return
    catalog.load_plugin(
        name=name, worker_id=identity.current_worker_id(), should_stop=drain.should_stop
    )
