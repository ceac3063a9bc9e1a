"""Loaded before Django's settings: the tests get a data directory of their own, never `var/`."""

import atexit
import os
import shutil
import tempfile

# pytest-xdist's workers inherit the environment: the folder is the first process's to remove.
if "BULKHEAD_TEST_RUN" not in os.environ:
    folder = tempfile.mkdtemp(prefix="bulkhead-tests-")
    os.environ["BULKHEAD_TEST_RUN"] = "1"
    os.environ["BULKHEAD_DATA_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
