"""The sandbox's own failures, kept apart from anything a plugin does."""


class SandboxError(Exception):
    """The sandbox itself could not do its work: no scratch folder, no process, a killed keeper.

    Never raised for what a plugin does, and never to be reported as the plugin's fault.
    """
