"""A camera that sees one box wander, tells so, and shows every fifth picture of it."""

import base64
import time

from sandbox.sdk import Plugin, Run, tool

PICTURE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNi"
    "UFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8"
    "fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCAAkAEADASIAAhEBAxEB/8QAHwAAAQUBAQEB"
    "AQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKB"
    "kaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1"
    "dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl"
    "5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcF"
    "BAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5"
    "OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0"
    "tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDBoooroMQo"
    "oooAKKKKACiiigAooooAKKKKACiiigAooooAKKKKACiiigAooooAKKKKAP/Z"
)
WIDTH, HEIGHT = 64, 36
SECONDS_APART = 0.05
ERROR_AT = 10


class Camera(Plugin):
    def validate(self) -> None:
        if PICTURE[:2] != b"\xff\xd8":
            raise ValueError("the picture is no JPEG")

    @tool
    def watch(self, run: Run, frames: int = 100) -> int:
        """Look for so many frames."""
        for number in range(1, frames + 1):
            seconds = number * SECONDS_APART
            left = number % (WIDTH - 10)
            track = {"id": 1, "label": "box", "box": [left, 10, left + 10, 20], "score": 1.0}
            facts = {"frame": number, "time": seconds, "width": WIDTH, "height": HEIGHT}
            if number % 5 == 0:
                run.preview(PICTURE, frame=number, time=seconds)
            run.emit("tracks", {**facts, "tracks": [track]})
            if number == ERROR_AT:
                run.log("the lens is dirty", level="error")
            time.sleep(SECONDS_APART)
        return frames
