"""Loaded before Django's settings: the tests get a data directory of their own, never `var/`."""

import os
import tempfile

if "BULKHEAD_TEST_RUN" not in os.environ:
    os.environ["BULKHEAD_TEST_RUN"] = "1"
    os.environ["BULKHEAD_DATA_DIR"] = tempfile.mkdtemp(prefix="bulkhead-tests-")
