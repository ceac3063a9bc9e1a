"""`python -m plugins_app.supervisor.sample FILE`: draws the sample video, in nobody's way."""

import os
import sys

from samples.moving_shapes import draw

NICENESS = 10


def main() -> None:
    os.nice(NICENESS)
    print(f"drew {draw(sys.argv[1])}")


if __name__ == "__main__":
    main()
