"""Whatever a plugin can do wrong, one tool each."""

from troublemaker.plugin import Troublemaker

__all__ = ["Troublemaker"]
