"""What this machine offers: Python, disk, torch, a GPU, and the guards around plugins."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from django.conf import settings

import sandbox
from plugins_app.services.doctor.findings import Finding, failed, ok, warning

OLDEST_PYTHON: Final = (3, 11)
LITTLE_SPACE: Final = 2 << 30
TOO_LITTLE_SPACE: Final = 100 << 20
ONLY_FOR_GPU_PLUGINS: Final = "Only plugins with `gpu = true` need it."

GUARD_MENDS: Final = {
    "process_tree": "Allow PID namespaces: run as root, or set user.max_user_namespaces above 0.",
    "memory": "Give the platform a writable memory cgroup (systemd: Delegate=yes).",
    "processes": "Give the platform a writable pids cgroup (systemd: Delegate=yes).",
    "files": "Use a kernel from 6.2 on, with Landlock in its `lsm=` list.",
    "network": "Allow network namespaces, or use a kernel from 6.7 on with Landlock.",
    "signals": "Use a kernel from 6.12 on with Landlock, or allow PID namespaces.",
    "shared_memory": "Allow IPC and PID namespaces: run as root, or allow user namespaces.",
}


def check_machine() -> Iterator[Finding]:
    yield _python()
    yield _data_directory()
    yield _torch()
    yield _nvidia_smi()
    yield from _guards()


def _python() -> Finding:
    words = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        return failed("python", words, "Use Python 3.11 or newer; `make up` takes PYTHON=….")
    return ok("python", words)


def _data_directory() -> Finding:
    folder = settings.DATA_DIR
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        words = f"{folder} is not writable: {error.strerror}"
        mend = "Correct its owner or rights, or name another folder in BULKHEAD_DATA_DIR."
        return failed("data directory", words, mend)
    return about_space(folder, shutil.disk_usage(folder).free)


def about_space(folder: Path, free: int) -> Finding:
    words = f"{folder}, {free / (1 << 30):.1f} GiB free"
    mend = "Free some space, prune old runs (`manage.py prune_runs`), or move BULKHEAD_DATA_DIR."
    if free < TOO_LITTLE_SPACE:
        return failed("data directory", words, mend)
    if free < LITTLE_SPACE:
        return warning("data directory", words, mend)
    return ok("data directory", words)


def _torch() -> Finding:
    try:
        # Its version only: importing it takes seconds, and never happens in the platform itself.
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        mend = f"pip install torch. {ONLY_FOR_GPU_PLUGINS}"
        return warning("torch", "not installed", mend)
    return ok("torch", f"{version} installed")


def _nvidia_smi() -> Finding:
    facts = sandbox.gpu_facts()
    gpus = ", ".join(gpu["name"] for gpu in facts["nvidia_smi"])
    if problem := facts["problem"]:
        return warning("nvidia-smi", problem["message"] + ".", ONLY_FOR_GPU_PLUGINS)
    return ok("nvidia-smi", f"lists {gpus}; torch sees the same")


def _guards() -> Iterator[Finding]:
    try:
        guards = sandbox.guards()
    except sandbox.SandboxError as error:
        mend = "No plugin can run here until that is mended: it names what the machine refuses."
        yield failed("sandbox", str(error), mend)
        return
    for guard in guards:
        yield about_guard(guard)
    for name in sorted(set(settings.REQUIRED_GUARDS) - {guard.name for guard in guards}):
        known = ", ".join(guard.name for guard in guards)
        mend = f"Correct BULKHEAD_REQUIRE_GUARDS; the guards are: {known}."
        yield failed(f"guard {name}", "is required, but there is none of that name", mend)


def about_guard(guard: sandbox.Guard) -> Finding:
    name = f"guard {guard.name}"
    if guard.state is sandbox.GuardState.ENFORCED:
        return ok(name, guard.how)
    words = f"{guard.state}: {guard.how}; {guard.why}"
    mend = GUARD_MENDS.get(guard.name, "Run the platform as root or with user namespaces allowed.")
    if guard.name in settings.REQUIRED_GUARDS:
        return failed(name, words, f"{mend} Or take it out of BULKHEAD_REQUIRE_GUARDS.")
    return warning(name, words, mend)
