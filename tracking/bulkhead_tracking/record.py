"""What was seen, written down as it comes: nothing grows with the length of the video but a line
for each track."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypedDict

from bulkhead_tracking.tracker import Sighting
from bulkhead_tracking.video import Frame


class TrackSummary(TypedDict):
    id: int
    label: str
    first_frame: int
    last_frame: int
    frames: int


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where the records go."""

    json: Path
    mot: Path


class Record:
    """Takes every frame in its order."""

    def __init__(self, json_file: TextIO, mot_file: TextIO, labels: Sequence[str]) -> None:
        self._labels = labels
        self._json_file = json_file
        self._mot_file = mot_file
        self._tracks: dict[int, TrackSummary] = {}
        self.frames = 0
        self.seconds = 0.0

    def add(self, frame: Frame, sightings: Sequence[Sighting]) -> dict[str, Any]:
        """Write one frame down, boxes scaled to the source; return it as the event to emit."""
        event = _event(frame, sightings, self._labels)
        self._json_file.write((",\n" if self.frames else "") + json.dumps(event))
        for track in event["tracks"]:
            self._mot_file.write(_mot_line(frame.number, track))
            self._count(track, frame.number)
        self.frames += 1
        self.seconds = frame.seconds
        return event

    def tracks(self) -> list[TrackSummary]:
        """One line for each track, in the order of their ids."""
        return [self._tracks[identity] for identity in sorted(self._tracks)]

    def _count(self, seen: dict[str, Any], number: int) -> None:
        track = self._tracks.setdefault(
            seen["id"],
            {
                "id": seen["id"],
                "label": seen["label"],
                "first_frame": number,
                "last_frame": number,
                "frames": 0,
            },
        )
        track["last_frame"] = number
        track["frames"] += 1


@contextmanager
def record(paths: Paths, labels: Sequence[str]) -> Iterator[Record]:
    """Write both files: JSON with all that the events say, and the MOT challenge's lines. `labels` are
    the names of the sightings' labels."""
    with paths.json.open("w") as json_file, paths.mot.open("w") as mot_file:
        json_file.write('{"frames": [\n')
        made = Record(json_file, mot_file, labels)
        yield made
        json_file.write(f'\n], "tracks": {json.dumps(made.tracks())}}}\n')


def _event(frame: Frame, sightings: Sequence[Sighting], labels: Sequence[str]) -> dict[str, Any]:
    height, width = frame.picture.shape[:2]
    across, down = frame.width / width, frame.height / height
    return {
        "frame": frame.number,
        "time": round(frame.seconds, 3),
        "width": frame.width,
        "height": frame.height,
        "tracks": [
            _track(sighting, frame, labels[sighting.label], across, down) for sighting in sightings
        ],
    }


def _track(
    sighting: Sighting, frame: Frame, label: str, across: float, down: float
) -> dict[str, Any]:
    x1, y1, x2, y2 = sighting.box.tolist()
    return {
        "id": sighting.id,
        "label": label,
        "score": round(sighting.score, 3),
        "box": [
            _edge(x1 * across, frame.width),
            _edge(y1 * down, frame.height),
            _edge(x2 * across, frame.width),
            _edge(y2 * down, frame.height),
        ],
        "age": sighting.age,
    }


def _edge(place: float, end: int) -> float:
    return round(min(max(place, 0.0), float(end)), 1)


def _mot_line(number: int, track: dict[str, Any]) -> str:
    # MOT counts frames from 1, and writes left, top, width, height.
    x1, y1, x2, y2 = track["box"]
    place = f"{x1},{y1},{x2 - x1:.1f},{y2 - y1:.1f}"
    return f"{number + 1},{track['id']},{place},{track['score']},-1,-1,-1\n"
