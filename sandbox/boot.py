"""The first lines of a keeper's process: `python -I boot.py CONTROL CHANNEL`.

Gives it a package `sandbox` that is found without the repository on sys.path, so that a plugin can
import `sandbox.sdk` and nothing of the platform, and without running sandbox/__init__.py, which a
child has no use for.
"""

import os
import sys
from types import ModuleType

package = ModuleType("sandbox")
package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
sys.modules["sandbox"] = package

from sandbox.keeper import keep

if __name__ == "__main__":
    keep(control_fd=int(sys.argv[1]), channel_fd=int(sys.argv[2]))
