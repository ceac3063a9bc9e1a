"""The options that every tool for videos has, with their titles and bounds for its schema."""

from typing import Annotated

from msgspec import Meta

MostFrames = Annotated[int, Meta(title="Most frames", description="0: all.", ge=0, le=1_000_000)]
FirstFrame = Annotated[
    int, Meta(title="First frame", description="The video's first is 0.", ge=0, le=10_000_000)
]
Stride = Annotated[
    int, Meta(title="Stride", description="Look at every so many frames.", ge=1, le=100)
]
Annotate = Annotated[
    bool, Meta(title="Annotate", description="Keep a video with the boxes drawn in.")
]
