"""Run every benchmark of this folder, or those named: `python -m benchmarks live`."""

import importlib
import pkgutil
import sys

import benchmarks

names = sys.argv[1:] or [found.name for found in pkgutil.iter_modules(benchmarks.__path__)]
for name in names:
    module = importlib.import_module(f"benchmarks.{name}")
    if hasattr(module, "main"):
        print(f"\n# {name}")
        module.main()
