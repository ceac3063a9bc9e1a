"""The platform's settings, with less patience: tests need not wait a minute."""

from config.settings import *  # noqa: F403

LIVE_ACK_SECONDS = 1
LIVE_RECALL_SECONDS = 1
