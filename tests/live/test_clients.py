"""What clients say, sound and unsound, and the pictures they are shown."""

import struct
from collections.abc import Callable

import pytest

from tests.live.conftest import Client, Scribe

Watch = Callable[..., Client]


def picture(frame: int) -> bytes:
    return struct.pack(">4sIQd", b"BHPV", 0, frame, frame / 25) + b"\xff\xd8jpeg"


def frame_of(message: str | bytes) -> int:
    assert isinstance(message, bytes), message
    return struct.unpack_from(">4sIQd", message)[2]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("hello?", 1003),
        ("", 1003),
        (b"\x00\x01", 1003),
        ("[1]", 1003),
        ("7", 1003),
        ("[" * 50_000, 1003),
        ("[" * 100_000, 1009),
        ('{"type":"ack"}', 1008),
        ('{"type":"ack","seq":"3"}', 1008),
        ('{"type":"ack","seq":-1}', 1008),
        ('{"type":"ack","seq":true}', 1008),
        ('{"type":"ack","preview":1.5}', 1008),
        ('{"type":"ack","seq":' + "9" * 5000 + "}", 1003),
    ],
)
def test_what_cannot_be_understood_closes_the_feed(
    watch: Watch, scribe: Scribe, said: str | bytes, code: int
) -> None:
    client = watch(scribe.run)
    client.next()
    client.socket.send(said)
    assert client.close_code() == code


def test_a_type_of_message_from_the_future_is_let_pass(watch: Watch, scribe: Scribe) -> None:
    client = watch(scribe.run)
    client.send({"type": "mood", "value": "good"})
    client.send({"type": "ack", "seq": 0, "preview": 99})
    client.next()
    scribe.say()
    assert client.next()["seq"] == 1


def test_at_most_two_pictures_go_unacknowledged_and_the_newest_wins(
    watch: Watch, scribe: Scribe
) -> None:
    client = watch(scribe.run)
    client.next()
    for frame in (1, 2):
        scribe.show(frame, picture(frame))
        assert frame_of(client.socket.recv(timeout=5)) == frame
    for frame in (3, 4, 5):
        scribe.show(frame, picture(frame))
    scribe.say(2)
    assert client.take(2) == [1, 2]
    client.send({"type": "ack", "preview": 1})
    assert frame_of(client.socket.recv(timeout=5)) == 5
    scribe.show(6, picture(6))
    scribe.end()
    assert client.next()["type"] == "end"


def test_a_late_client_sees_the_newest_picture(watch: Watch, scribe: Scribe) -> None:
    scribe.show(7, picture(7))
    for _ in range(2):
        client = watch(scribe.run)
        client.next()
        message = client.socket.recv(timeout=5)
        assert message == picture(7)


def test_bytes_that_are_no_picture_are_not_shown(watch: Watch, scribe: Scribe) -> None:
    client = watch(scribe.run)
    client.next()
    scribe.show(1, b"BHPV")
    scribe.show(2, b"x" * 100)
    scribe.say()
    assert client.next()["seq"] == 1
    scribe.show(3, picture(3))
    assert frame_of(client.socket.recv(timeout=5)) == 3
