"""Bulkhead's Django app: plugins, their lifecycle, their runs, and the audit of all of it."""
