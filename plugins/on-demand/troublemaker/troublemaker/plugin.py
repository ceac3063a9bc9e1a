"""The plugin: each group of tools stands in a module of its own."""

import os

from sandbox.sdk import Plugin
from troublemaker.answers import Answers
from troublemaker.ends import Ends
from troublemaker.escapes import Escapes
from troublemaker.hangs import Hangs
from troublemaker.memory import Memory
from troublemaker.processes import Processes


class Troublemaker(Answers, Ends, Hangs, Memory, Processes, Escapes, Plugin):
    def validate(self) -> None:
        """Half of the tools fork."""
        if not hasattr(os, "fork"):
            raise RuntimeError("there is no fork() here: use Linux")
