"""A GPU counts only when nvidia-smi and torch both see it; every other pair has its own reason."""

import subprocess
import sys
from pathlib import Path

import pytest

import sandbox
from sandbox.probes.gpu import gpu_facts, judge_gpu
from sandbox.probes.smi import Gpu, SmiFinding, ask_nvidia_smi
from sandbox.probes.torch_view import TorchFinding, ask_torch

GPU = Gpu(name="NVIDIA L4", uuid="GPU-1", memory_mib=23034, driver="550.54")
NO_SMI = SmiFinding(installed=False)
SMI_EMPTY = SmiFinding(installed=True)
SMI_BROKEN = SmiFinding(installed=True, error="exit code 9: couldn't communicate with the driver")
SMI_SEES = SmiFinding(installed=True, gpus=(GPU,))
NO_TORCH = TorchFinding(installed=False)
CPU_BUILD = TorchFinding(installed=True, version="2.13.0+cpu")
CUDA_BLIND = TorchFinding(installed=True, version="2.13.0", build="13.0")
CUDA_SEES = TorchFinding(installed=True, version="2.13.0", build="13.0", devices=("NVIDIA L4",))
CUDA_SEES_TWO = TorchFinding(installed=True, version="2", build="13.0", devices=("a", "b"))
CUDA_FAILS = TorchFinding(
    installed=True, version="2", build="13.0", devices=("a",), error="CUDA driver too old"
)


@pytest.mark.parametrize(
    ("smi", "torch", "code"),
    [
        (SMI_SEES, CUDA_SEES, None),
        (NO_SMI, NO_TORCH, "gpu_absent"),
        (NO_SMI, CPU_BUILD, "gpu_absent"),
        (NO_SMI, CUDA_BLIND, "gpu_absent"),
        (SMI_EMPTY, CPU_BUILD, "gpu_absent"),
        (NO_SMI, CUDA_SEES, "gpu_driver_broken"),
        (SMI_EMPTY, CUDA_SEES, "gpu_driver_broken"),
        (SMI_BROKEN, CUDA_SEES, "gpu_driver_broken"),
        (SMI_BROKEN, CPU_BUILD, "gpu_driver_broken"),
        (SMI_SEES, CPU_BUILD, "gpu_cuda_build_missing"),
        (SMI_SEES, NO_TORCH, "gpu_cuda_build_missing"),
        (SMI_SEES, CUDA_BLIND, "gpu_mismatch"),
        (SMI_SEES, CUDA_SEES_TWO, "gpu_mismatch"),
        (SMI_SEES, CUDA_FAILS, "gpu_mismatch"),
    ],
)
def test_the_two_views_together(smi: SmiFinding, torch: TorchFinding, code: str | None) -> None:
    problem = judge_gpu(smi, torch)
    assert (problem.code if problem else None) == code
    if problem:
        assert problem.message.endswith("then restart the plugin")


def _fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_nvidia_smi_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(tmp_path, "echo 'NVIDIA L4, GPU-1, 23034, 550.54'", monkeypatch)
    assert ask_nvidia_smi() == SMI_SEES


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'NVIDIA-SMI has failed'; exit 9", "exit code 9: NVIDIA-SMI has failed"),
        ("echo nonsense", "cannot be read"),
        ("kill -9 $$", "exit code -9"),
    ],
)
def test_an_nvidia_smi_that_fails_is_told_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    _fake(tmp_path, script, monkeypatch)
    finding = ask_nvidia_smi()
    assert finding.installed
    assert words in finding.error


def test_an_nvidia_smi_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake(tmp_path, "exec sleep 60", monkeypatch)
    monkeypatch.setattr("sandbox.probes.smi.PATIENCE_SECONDS", 0.2)
    assert "no answer within 0.2 s" in ask_nvidia_smi().error


def test_no_devices_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(tmp_path, "echo 'No devices were found'; exit 6", monkeypatch)
    assert ask_nvidia_smi() == SMI_EMPTY


def test_no_nvidia_smi_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_nvidia_smi() == NO_SMI


def test_torch_is_asked_in_a_process_of_its_own() -> None:
    finding = ask_torch()
    assert finding.installed
    assert finding.version
    assert finding.error == ""
    code = (
        "import sys; from sandbox.probes import gpu; gpu.ask_torch(); print('torch' in sys.modules)"
    )
    root = Path(sandbox.__file__).parent.parent
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root) == b"False\n"


def test_a_torch_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.probes.torch_view.PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("sandbox.probes.torch_view.QUESTION", "import time; time.sleep(60)")
    assert "no answer within 0.2 s" in ask_torch().error


def test_a_torch_that_crashes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.probes.torch_view.QUESTION", "import os; os.abort()")
    assert "ended with -6" in ask_torch().error


def test_the_facts_are_plain_json_and_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake(tmp_path, "echo 'NVIDIA L4, GPU-1, 23034, 550.54'", monkeypatch)
    gpu_facts.cache_clear()
    facts = gpu_facts()
    gpu_facts.cache_clear()
    assert facts["nvidia_smi"][0]["name"] == "NVIDIA L4"
    if facts["torch"]["build"] == "":
        assert facts["problem"]["code"] == "gpu_cuda_build_missing"
