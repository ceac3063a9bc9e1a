"""Finds and follows objects in a video, on a GPU."""
