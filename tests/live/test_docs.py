"""The client that `docs/live-feeds.md` shows works as it stands there."""

import os
import re
import subprocess
import sys
import time

from tests.live.conftest import Scribe
from tests.live.serving import ROOT


def test_the_python_client_in_the_docs_sees_a_whole_run(
    address: str, token: str, scribe: Scribe
) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs/live-feeds.md").read_text(), re.DOTALL)
    assert code
    environment = {
        **os.environ,
        "BULKHEAD_SERVER": f"ws://{address}",
        "BULKHEAD_TOKEN": token,
        "BULKHEAD_RUN": str(scribe.run.pk),
    }
    # More than a window full: without its acknowledgements the client would not see the end.
    scribe.say(1100)
    with subprocess.Popen(
        [sys.executable, "-c", code[1]], env=environment, stdout=subprocess.PIPE, text=True
    ) as client:
        time.sleep(0.5)
        scribe.say(100)
        scribe.end()
        output, _errors = client.communicate(timeout=30)
    assert client.returncode == 0
    assert [int(line.split()[0]) for line in output.splitlines()] == list(range(1, 1201))
