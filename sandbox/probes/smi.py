"""What the NVIDIA driver says about this machine's GPUs, through nvidia-smi."""

import csv
import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

PATIENCE_SECONDS: Final = 15.0
FIELDS: Final = ("name", "uuid", "memory.total", "driver_version")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    name: str
    uuid: str
    memory_mib: int
    driver: str


@dataclass(frozen=True, kw_only=True)
class SmiFinding:
    """`installed`: the program is there. `error`: it is there and failed, with its own words."""

    installed: bool
    gpus: tuple[Gpu, ...] = ()
    error: str = ""


def ask_nvidia_smi() -> SmiFinding:
    """Return what the nvidia-smi on PATH says, within 15 seconds."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return SmiFinding(installed=False)
    command = [program, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return SmiFinding(installed=True, error=f"no answer within {PATIENCE_SECONDS:g} s")
    except OSError as error:
        return SmiFinding(installed=True, error=str(error))
    return _finding(answer)


def _finding(answer: subprocess.CompletedProcess[str]) -> SmiFinding:
    said = " ".join((answer.stdout + " " + answer.stderr).split())[:500]
    if "No devices were found" in said:
        return SmiFinding(installed=True)
    if answer.returncode != 0:
        return SmiFinding(installed=True, error=f"exit code {answer.returncode}: {said}")
    try:
        gpus = tuple(map(_gpu, csv.reader(answer.stdout.splitlines(), skipinitialspace=True)))
    except (ValueError, TypeError):
        return SmiFinding(installed=True, error=f"an answer that cannot be read: {said}")
    return SmiFinding(installed=True, gpus=gpus)


def _gpu(row: list[str]) -> Gpu:
    name, uuid, memory, driver = (cell.strip() for cell in row)
    # Some integrated GPUs share the machine's memory and say "[N/A]".
    return Gpu(
        name=name, uuid=uuid, memory_mib=int(memory) if memory.isdigit() else 0, driver=driver
    )
