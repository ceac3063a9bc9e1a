"""Workers: django-q2's cluster on a short leash. See docs/architecture.md for what may die when."""
