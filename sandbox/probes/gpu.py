from typing import Any

from sandbox.reports import Problem


def gpu_problem() -> Problem | None:
    return Problem(code="gpu_absent", message="No GPU")


def gpu_facts() -> dict[str, Any]:
    return {"nvidia_smi": [], "torch": None, "problem": None}
