"""Frames survive any cut, and nothing unstorable gets through."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.protocol import (
    HEADER,
    FrameKind,
    FrameReader,
    FrameTooLarge,
    ProtocolError,
    clean_text,
    decode,
    encode,
    pack,
    pack_preview,
)

LIMIT = 1 << 16
ANY_TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.dictionaries(ANY_TEXT, JSON, max_size=4)


@given(st.lists(MESSAGES, max_size=4), st.data())
def test_frames_come_out_whole_however_the_stream_is_cut(
    messages: list[dict[str, Any]], data: st.DataObject
) -> None:
    stream = b"".join(encode(message, limit=LIMIT) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader = FrameReader(limit=LIMIT)
    pieces = zip([0, *cuts], [*cuts, len(stream)], strict=True)
    frames = [frame for start, end in pieces for frame in reader.feed(stream[start:end])]
    assert len(frames) == len(messages)
    assert not reader.has_half_a_frame


@given(MESSAGES)
def test_what_comes_out_can_be_stored_anywhere(message: dict[str, Any]) -> None:
    frame = encode(message, limit=LIMIT)
    text = json.dumps(decode(frame[HEADER.size :]), allow_nan=False, ensure_ascii=False)
    text.encode()  # no lone surrogate
    assert "\\u0000" not in text


@given(MESSAGES)
def test_what_was_storable_comes_out_as_it_went_in(message: dict[str, Any]) -> None:
    plain = json.loads(encode(message, limit=LIMIT)[HEADER.size :].decode("utf-8", "replace"))
    once = decode(encode(plain, limit=LIMIT)[HEADER.size :])
    assert decode(encode(once, limit=LIMIT)[HEADER.size :]) == once


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_a_protocol_error(data: bytes) -> None:
    reader = FrameReader(limit=LIMIT)
    try:
        for frame in reader.feed(data):
            if frame.kind is FrameKind.JSON:
                frame.message()
    except ProtocolError:
        pass


@given(ANY_TEXT)
def test_cleaned_text_is_storable_and_as_long(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode()
    assert "\0" not in cleaned
    assert len(cleaned) == len(text)
    assert clean_text(cleaned) == cleaned


def test_a_frame_over_its_limit_is_not_sent() -> None:
    with pytest.raises(FrameTooLarge, match="over the limit of 10 bytes"):
        pack(FrameKind.JSON, b"x" * 11, limit=10)


@pytest.mark.parametrize("depth", [101, 5000, 500_000])
def test_nesting_has_an_end(depth: int) -> None:
    with pytest.raises(ProtocolError):
        decode(b'{"a":' + b"[" * depth + b"]" * depth + b"}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_no_number_becomes_null(number: str) -> None:
    assert decode(f'{{"x": {number}}}'.encode()) == {"x": None}


def test_a_preview_is_laid_out_as_clients_expect() -> None:
    packed = pack_preview(b"\xff\xd8", frame=1, time=0.5, limit=100)
    assert packed[HEADER.size :] == bytes.fromhex(
        "42485056 00000000 0000000000000001 3fe0000000000000 ffd8"
    )
