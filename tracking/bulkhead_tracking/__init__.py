"""Online multi-object tracking by detection: which box of this frame is which object of the last.

tracker = Tracker(Settings())
for boxes, scores in frames:
    for sighting in tracker.update(boxes, scores):
        print(sighting.id, sighting.box)
"""

from bulkhead_tracking.boxes import NO_BOXES, Boxes, areas, hull, intersections_over_union, overlaps
from bulkhead_tracking.motion import Noise
from bulkhead_tracking.tracker import Settings, Sighting, Tracker

__all__ = [
    "NO_BOXES",
    "Boxes",
    "Noise",
    "Settings",
    "Sighting",
    "Tracker",
    "areas",
    "hull",
    "intersections_over_union",
    "overlaps",
]
