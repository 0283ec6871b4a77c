"""Where one request ends: what two servers could read in two ways is refused, and nothing behind it is ever answered."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.rawhttp import Served, Wire, serving

NEXT = b"GET /v3/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v3/echo HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"\r\n\r\n0\r\n\r\n"

AMBIGUOUS = {
    "blank before the colon of a coding": POST + b"Transfer-Encoding : chunked" + LAST,
    "blank before the colon of a length": POST + b"Content-Length : 5\r\n\r\nabcde",
    "unknown coding": POST + b"Transfer-Encoding: xchunked" + LAST,
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity" + LAST,
    "identity, chunked": POST + b"Transfer-Encoding: identity, chunked" + LAST,
    "identity with a length": POST + b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nabcde",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked" + LAST,
    "quoted coding": POST + b'Transfer-Encoding: "chunked"' + LAST,
    "coding with a parameter": POST + b"Transfer-Encoding: chunked;q=1" + LAST,
    "empty coding": POST + b"Transfer-Encoding:\r\n\r\n",
    "folded coding": POST + b"Transfer-Encoding:\r\n chunked" + LAST,
    "dotless i in a coding's name": POST + b"Transfer-Encod\xc4\xb1ng: chunked" + LAST,
    "folded length": POST + b"Content-Length:\r\n 5\r\n\r\nabcde",
    **{
        f"length {text!r}": POST + b"Content-Length: " + text + b"\r\n\r\nabcde"
        for text in (b"+5", b"-0", b"0x5", b"5,5", b"5 5", b"\x0b5", b"\xb2", b"", b"5_0", b"5\x00")
    },
    **{
        f"chunk size {text!r}": CHUNKED + text + b"\r\n{}\r\n0\r\n\r\n"
        for text in (b"0x2", b"+2", b"-2", b"0_2", b"2 ", b" 2", b"ffffffffffffffff2", b"2;a\nb", b"")
    },
    "line feed after a chunk size": CHUNKED + b"2\n{}\r\n0\r\n\r\n",
    "no line end after a chunk": CHUNKED + b"2\r\n{}XX0\r\n\r\n",
    "length in a trailer": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 4\r\n\r\n",
    "line feeds in a trailer": CHUNKED + b"2\r\n{}\r\n0\r\nX: y\n\n" + NEXT,
    "line feeds at the end": CHUNKED + b"0\n\n",
    "chunked in HTTP/1.0": b"POST /v3/echo HTTP/1.0\r\nTransfer-Encoding: chunked" + LAST,
    "length behind a bare CR": POST + b"X: a\rContent-Length: 5\r\n\r\n",
    "line feeds only": b"GET /v3 HTTP/1.1\nHost: a\n\n",
    "one line feed": b"GET /v3 HTTP/1.1\r\nHost: a\n\r\n",
    "HTTP/0.9": b"GET /v3\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET /v3 HTTP/9.9\r\nHost: a\r\n\r\n",
    "a proxy's line": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + NEXT,
    "a proxy's binary head": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\0\0\1\x7f\0\0\1\0\1\0\2",
    "a blank before the method": b" GET /v3 HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("framing"), {"server": {"workers": 1, "threads": 2}}) as served:
        yield served


def all_answers(served: Served, data: bytes) -> tuple[list[int], bytes]:
    """The statuses until the server ends the connection, and all that it said."""
    found = b""
    with Wire(served.address) as wire:
        wire.send(data)
        try:
            while more := wire.sock.recv(65536):
                found += more
        except ConnectionResetError:
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", found)], found


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_could_be_read_in_two_ways_ends_the_connection(gateway: Served, name: str) -> None:
    statuses, said = all_answers(gateway, AMBIGUOUS[name] + NEXT)
    assert len(statuses) == 1 and statuses[0] in (400, 413, 501)
    assert b"smuggled" not in said


@pytest.mark.parametrize("target", [b"/a//b", b"/v3/big?70"])
def test_an_answer_to_head_has_no_body_that_could_be_taken_for_the_next_answer(gateway: Served, target: bytes) -> None:
    closing = b"GET /v3/big?3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    statuses, said = all_answers(gateway, b"HEAD " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n" + closing)
    _, _, rest = said.partition(b"\r\n\r\n")
    assert len(statuses) == 2 and statuses[1] == 200
    assert rest.startswith(b"HTTP/1.1 200") and rest.endswith(b"\r\n\r\nxxx")
