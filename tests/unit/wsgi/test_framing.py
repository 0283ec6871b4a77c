"""Where one request ends: the same however its bytes arrive, and the same as the parser has it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

from identity.wsgi.framing import Framing
from identity.wsgi.refusal import Refused
from identity.wsgi.reply import frozen_config, parse, read_body

LIMIT = 1000
CFG = frozen_config(Config())


def feed(pieces: list[bytes]) -> int | Refused | None:
    buffer, framing = bytearray(), Framing(4000, LIMIT)
    extent = None
    for piece in pieces:
        buffer += piece
        try:
            extent = framing.extent(buffer)
        except Refused as refused:
            return refused
        if extent is not None:
            return extent
    return extent


def cut(data: bytes, points: list[int]) -> list[bytes]:
    marks = sorted({point % (len(data) + 1) for point in points} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(marks)] or [b""]


BODIES = st.binary(max_size=300)
CUTS = st.lists(st.integers(0, 2000), max_size=12)


@given(
    body=BODIES,
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=20),
    chunked=st.booleans(),
    cuts=CUTS,
    after=st.binary(max_size=40),
)
def test_a_request_ends_where_the_parser_says_however_it_is_cut(
    body: bytes, sizes: list[int], chunked: bool, cuts: list[int], after: bytes
) -> None:
    head = b"POST /v3 HTTP/1.1\r\nHost: a\r\n"
    if chunked:
        parts, rest = [], body
        for size in sizes:
            if rest:
                parts.append(b"%x;x=y\r\n%b\r\n" % (len(rest[:size]), rest[:size]))
                rest = rest[size:]
        body = body[: len(body) - len(rest)]
        whole = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + b"0\r\nT: 1\r\n\r\n"
    else:
        whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert feed(cut(whole, cuts)) == len(whole)
    assert feed([whole + after]) == len(whole), "what follows belongs to the next request"
    assert feed([whole[:-1]]) is None
    request = parse(whole, CFG, ("127.0.0.1", 1), 1, frozenset())
    assert read_body(request, LIMIT) == body


@given(data=st.binary(max_size=200), cuts=CUTS)
def test_rubbish_neither_raises_nor_grows(data: bytes, cuts: list[int]) -> None:
    for whole in (data, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + data):
        found = feed(cut(whole, cuts))
        if isinstance(found, int):
            assert 0 < found <= len(whole)
            with_parser(whole[:found])
        else:
            assert found is None or found.status in (413, 431)


def with_parser(message: bytes) -> None:
    """Whatever the framing let through ends as a request or as a refusal, never as another exception."""
    try:
        read_body(parse(message, CFG, ("127.0.0.1", 1), 1, frozenset()), LIMIT)
    except Refused as refused:
        assert 400 <= refused.status <= 501


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + b"A" * 5000, 431),
        (b"GET / HTTP/1.1\r\nA: " + b"A" * 5000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\ncontent-length:99999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 1000, 431),
    ],
)
def test_too_much_is_refused_before_it_has_arrived(data: bytes, status: int) -> None:
    found = feed([data])
    assert isinstance(found, Refused) and found.status == status


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Content-Length: five",
    ],
)
def test_ambiguous_framing_goes_to_the_parser_at_once_and_is_refused(head: bytes) -> None:
    whole = b"POST / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n"
    assert feed([whole]) == len(whole)
    with pytest.raises(Refused):
        parse(whole, CFG, ("127.0.0.1", 1), 1, frozenset())
