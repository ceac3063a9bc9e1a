"""Decoding beside detecting: a thread reads ahead while the device works."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bulkhead_tracking.video import Frame
from video_tracker.detector import Detector, Found

Item = TypeVar("Item")

END: Final = object()
GIVE_UP_EVERY_SECONDS: Final = 0.1


@dataclass(kw_only=True)
class Times:
    """Where the time went: waiting for frames, and waiting for the device."""

    decoding_seconds: float = 0.0
    detecting_seconds: float = 0.0
    batches: list[int] = field(default_factory=list)


def detected(
    frames: Iterator[Frame], detector: Detector, *, batch: int, least_score: float, times: Times
) -> Iterator[tuple[Frame, Found]]:
    """Every frame with what is in it, in order; up to `batch` of one size go to the device at once."""
    ready = read_ahead(frames, most=2 * batch)
    with closing(ready):  # type: ignore[type-var]
        for group in _groups(ready, batch, times):
            began = time.perf_counter()
            answers = detector.detect([frame.picture for frame in group], least_score=least_score)
            times.detecting_seconds += time.perf_counter() - began
            times.batches.append(len(group))
            yield from zip(group, answers, strict=True)


def read_ahead(items: Iterator[Item], *, most: int) -> Iterator[Item]:
    """The same items, up to `most` of them made in advance by a thread. What making them raises is
    raised here, in its place."""
    ready: queue.Queue[tuple[object, BaseException | None]] = queue.Queue(maxsize=most)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, ready, stop), daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is END:
                return
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()


def _fill(
    items: Iterator[Item],
    ready: "queue.Queue[tuple[object, BaseException | None]]",
    stop: threading.Event,
) -> None:
    try:
        for item in items:
            if not _put(ready, (item, None), stop):
                return
    except BaseException as error:  # noqa: BLE001 - whoever takes the items hears of it
        _put(ready, (END, error), stop)
    else:
        _put(ready, (END, None), stop)


def _put(
    ready: "queue.Queue[tuple[object, BaseException | None]]",
    entry: tuple[object, BaseException | None],
    stop: threading.Event,
) -> bool:
    """Whether there was still somebody to take it."""
    while not stop.is_set():
        try:
            ready.put(entry, timeout=GIVE_UP_EVERY_SECONDS)
        except queue.Full:
            continue
        return True
    return False


def _groups(frames: Iterator[Frame], most: int, times: Times) -> Iterator[list[Frame]]:
    group: list[Frame] = []
    began = time.perf_counter()
    for frame in frames:
        times.decoding_seconds += time.perf_counter() - began
        if group and (len(group) == most or group[0].picture.shape != frame.picture.shape):
            yield group
            group = []
        group.append(frame)
        began = time.perf_counter()
    if group:
        yield group
