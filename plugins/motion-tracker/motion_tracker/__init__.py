"""Follows what moves in a video: decode, detect, associate, report."""

from motion_tracker.plugin import MotionTracker

__all__ = ["MotionTracker"]
