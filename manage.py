#!/usr/bin/env python3
"""Bulkhead's command line: puts `platform/` on the path and hands over to Django."""

import os
import sys
from pathlib import Path


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        import config.settings  # noqa: F401  a bad variable is one clear line, not a traceback
    except ImproperlyConfigured as fault:
        sys.exit(f"bulkhead: {fault}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
