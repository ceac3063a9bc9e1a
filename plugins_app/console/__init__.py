"""The web console: Django's admin with pages of our own. It reads, and asks services to act."""
