"""The REST API: every view validates, calls one service and renders."""
