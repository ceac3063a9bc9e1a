"""Run every benchmark of this folder that needs no data, or those named: `python -m benchmarks live`.

Each runs in a process of its own, so that none finds what another set up, for `SECONDS_FOR_EACH` at
most, and all together for `SECONDS_FOR_ALL`. What is stopped is named, and makes this fail.
"""

import os
import pkgutil
import signal
import subprocess
import sys
import time
from typing import Final

import benchmarks

SECONDS_FOR_ALL: Final = 560.0
SECONDS_FOR_EACH: Final = 200.0
NEED_DATA: Final = {"mot": "public sequences: see `python -m benchmarks.mot --help`"}


def main(names: list[str]) -> int:
    until = time.monotonic() + SECONDS_FOR_ALL
    chosen = names or [name for name in _all() if name not in NEED_DATA]
    failed = [name for name in chosen if not _ran(name, until)]
    for name, need in NEED_DATA.items():
        if not names:
            print(f"\nnot run: {name} needs {need}")
    if failed:
        print(f"\nfailed or stopped for want of time: {', '.join(failed)}")
    return 1 if failed else 0


def _all() -> list[str]:
    found = pkgutil.iter_modules(benchmarks.__path__)
    return [module.name for module in found if not module.ispkg and module.name != "__main__"]


def _ran(name: str, until: float) -> bool:
    print(f"\n# {name}", flush=True)
    # A session of its own: a benchmark starts servers, and they go with it.
    process = subprocess.Popen([sys.executable, "-m", f"benchmarks.{name}"], start_new_session=True)
    try:
        return process.wait(min(SECONDS_FOR_EACH, max(0.0, until - time.monotonic()))) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
