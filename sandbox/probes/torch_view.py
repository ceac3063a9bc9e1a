"""What torch says about this machine's GPUs, asked in a process of its own.

Importing torch takes hundreds of megabytes, starting CUDA never lets go of the driver, and either
may hang or crash on a broken machine: so the caller never does it itself.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

PATIENCE_SECONDS: Final = 60.0
MOST_WORDS: Final = 500
# An allocation and a kernel, not just a count: a driver too old for the build counts, then fails.
QUESTION: Final = """
import json, sys
finding = {"installed": False}
try:
    import torch
    finding = {"installed": True, "version": torch.__version__, "build": torch.version.cuda or ""}
    finding["devices"] = [
        torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())
    ]
    if finding["devices"]:
        assert (torch.ones(2, device="cuda") + 1).sum().item() == 4
except ModuleNotFoundError as error:
    if error.name != "torch":
        finding["error"] = f"{type(error).__name__}: {error}"
except Exception as error:
    finding["error"] = f"{type(error).__name__}: {error}"
sys.__stdout__.write("\\n" + json.dumps(finding))
"""


@dataclass(frozen=True, kw_only=True)
class TorchFinding:
    """`build`: the CUDA version torch was built for, empty for a CPU build."""

    installed: bool
    version: str = ""
    build: str = ""
    devices: tuple[str, ...] = ()
    error: str = ""


def ask_torch() -> TorchFinding:
    """Return what torch says in a process of its own, within 60 seconds."""
    asked = subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", QUESTION],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        cwd="/",
    )
    try:
        answer, complaint = asked.communicate(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        return TorchFinding(installed=True, error=f"no answer within {PATIENCE_SECONDS:g} s")
    finally:
        _end(asked)
    return _finding(answer, complaint, asked.returncode)


def _end(asked: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(asked.pid, signal.SIGKILL)
    asked.communicate()


def _finding(answer: str, complaint: str, exit_code: int) -> TorchFinding:
    try:
        said = json.loads(answer.rpartition("\n")[2])
        return TorchFinding(**said | {"devices": tuple(said.get("devices", ()))})
    except (ValueError, TypeError):
        words = f"it ended with {exit_code}: {complaint.strip()[-MOST_WORDS:]}"
        return TorchFinding(installed=True, error=words)
