"""Why the platform does not start, in a line that says what to do."""


class StartRefused(Exception):
    """Nothing was started and nothing was changed."""
