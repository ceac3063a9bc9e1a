"""Is there a GPU that can be used? Only when the driver and torch say so both.

Either alone is wrong often enough: a driver without a CUDA build of torch, a container that was
given the device but not the driver's tools, a driver too old for the build.
"""

import functools
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from sandbox.probes.smi import SmiFinding, ask_nvidia_smi
from sandbox.probes.torch_view import TorchFinding, ask_torch
from sandbox.reports import Problem

DEVICE_PATTERNS: Final = ("nvidia[0-9]*", "nvidiactl", "dxg", "nvhost-gpu")
THEN_RESTART: Final = "then restart the plugin"


def gpu_problem() -> Problem | None:
    """Return why no GPU can be used on this machine now; None when one can. Takes seconds."""
    return judge_gpu(ask_nvidia_smi(), ask_torch())


@functools.cache
def gpu_facts() -> dict[str, Any]:
    """Return what this machine says of its GPUs: `nvidia_smi`, a list of them; `torch`, its view,
    None where it was not asked; `problem`, None or why they cannot be used.

    Asked once per process. Where there is no trace of a GPU, torch is not troubled.
    """
    smi = ask_nvidia_smi()
    torch = ask_torch() if smi.installed or _has_device_files() else None
    problem = judge_gpu(smi, torch or TorchFinding(installed=False))
    return {
        "nvidia_smi": [asdict(gpu) for gpu in smi.gpus],
        "torch": asdict(torch) if torch else None,
        "problem": {"code": problem.code, "message": problem.message} if problem else None,
    }


def judge_gpu(smi: SmiFinding, torch: TorchFinding) -> Problem | None:
    """Return what the two findings mean together; None when a GPU can be used."""
    if smi.error or (torch.devices and not smi.gpus):
        return _driver_broken(smi, torch)
    if not smi.gpus:
        return _no_gpu(smi)
    if not torch.installed or not (torch.build or torch.error):
        return _no_cuda_build(smi, torch)
    if torch.error or not torch.devices or len(torch.devices) > len(smi.gpus):
        return _mismatch(smi, torch)
    return None


def _no_gpu(smi: SmiFinding) -> Problem:
    seen = "nvidia-smi lists no GPU" if smi.installed else "nvidia-smi is not installed"
    return Problem(
        code="gpu_absent",
        message=f"This machine has no GPU: {seen} and torch sees none. Run the plugin on a worker "
        f"with an NVIDIA GPU and its driver, {THEN_RESTART}",
    )


def _driver_broken(smi: SmiFinding, torch: TorchFinding) -> Problem:
    if smi.error:
        what = f"nvidia-smi is there and fails ({smi.error})"
    elif smi.installed:
        what = f"torch sees {_named(torch)}, but nvidia-smi lists no GPU"
    else:
        what = f"torch sees {_named(torch)}, but nvidia-smi is not installed"
    return Problem(
        code="gpu_driver_broken",
        message=f"The GPU's driver is broken or only half installed: {what}. Install the NVIDIA "
        "driver with its tools (in a container: the utility capability too), load it or reboot, "
        f"check that `nvidia-smi` lists the GPU, {THEN_RESTART}",
    )


def _no_cuda_build(smi: SmiFinding, torch: TorchFinding) -> Problem:
    has = f"torch {torch.version} is a CPU build" if torch.installed else "torch is not installed"
    return Problem(
        code="gpu_cuda_build_missing",
        message=f"The GPU cannot be used: nvidia-smi lists {smi.gpus[0].name}, but {has}. Install "
        "a CUDA build of torch into the workers' environment (see pytorch.org/get-started), "
        f"{THEN_RESTART}",
    )


def _mismatch(smi: SmiFinding, torch: TorchFinding) -> Problem:
    if torch.error:
        view = f"torch {torch.version} fails: {torch.error}"
    elif torch.devices:
        view = f"torch {torch.version} sees {len(torch.devices)}: {_named(torch)}"
    else:
        view = f"torch {torch.version}, built for CUDA {torch.build}, sees none"
    return Problem(
        code="gpu_mismatch",
        message=f"nvidia-smi and torch disagree: nvidia-smi lists {len(smi.gpus)} "
        f"({smi.gpus[0].name}, driver {smi.gpus[0].driver}), {view}. Check that the driver is new "
        "enough for torch's CUDA version and that CUDA_VISIBLE_DEVICES does not hide the GPU, "
        f"{THEN_RESTART}",
    )


def _named(torch: TorchFinding) -> str:
    return ", ".join(torch.devices)


def _has_device_files(folder: Path = Path("/dev")) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in DEVICE_PATTERNS)
