"""PROXY headers as the specification writes them, and as an attacker would."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.wsgi.connection import Conn
from identity.wsgi.proxy_protocol import LONGEST, LONGEST_V1, SIGNATURE, BadHeader, Header, is_header, read

CRC32C_TLV = b"\x03\x00\x04\xde\xad\xbe\xef"


def v2(command: int = 1, family: int = 0x11, block: bytes = b"", size: int | None = None) -> bytes:
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(block) if size is None else size) + block


def inet(source: str, port: int, extra: bytes = b"") -> bytes:
    packed = ipaddress.ip_address(source).packed
    return packed + bytes(len(packed)) + struct.pack("!HH", port, 443) + extra


GOOD = [
    (b"PROXY TCP4 192.0.2.9 10.0.0.1 40000 8443\r\n", ("192.0.2.9", 40000)),
    (b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", ("2001:db8::1", 1)),
    (b"PROXY TCP6 ::ffff:192.0.2.9 ::1 7 8\r\n", ("192.0.2.9", 7)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
    (v2(block=inet("192.0.2.9", 40000)), ("192.0.2.9", 40000)),
    (v2(block=inet("192.0.2.9", 40000, CRC32C_TLV)), ("192.0.2.9", 40000)),
    (v2(family=0x21, block=inet("2001:db8::1", 5)), ("2001:db8::1", 5)),
    (v2(family=0x21, block=inet("::ffff:192.0.2.9", 5)), ("192.0.2.9", 5)),
    (v2(command=0, family=0x00), None),
    (v2(command=0, block=inet("192.0.2.9", 40000)), None),
    (v2(family=0x00, block=b"\x04\x00\x01x"), None),
    (v2(family=0x12, block=inet("192.0.2.9", 40000)), None),
    (v2(family=0x31, block=bytes(216)), None),
    (v2(family=0x71, block=b"future"), None),
    (v2(block=inet("192.0.2.9", 1, bytes(LONGEST - 16 - 12))), ("192.0.2.9", 1)),
]


@pytest.mark.parametrize(("data", "client"), GOOD)
def test_a_header_is_read_to_its_last_byte_and_no_further(data: bytes, client: tuple[str, int] | None) -> None:
    version = "v1" if data.startswith(b"PROXY") else "v2"
    for wanted in (version, "any"):
        assert read(data + b"\x16\x03\x01more", wanted) == Header(len(data), client)
        for end in range(len(data)):
            assert read(data[:end], wanted) is None, end
    with pytest.raises(BadHeader):
        read(data, "v2" if version == "v1" else "v1")
    assert is_header(data)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00",
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"proxy TCP4 ",
        b"PROXYTCP4",
        b"PROXY TCP4 192.0.2.9 10.0.0.1 40000\r\n",
        b"PROXY TCP4 192.0.2.9  10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.9 10.0.0.1 1 2 \r\n",
        b"PROXY TCP4 192.0.2.999 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.09 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.9 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.9 10.0.0.1 65536 2\r\n",
        b"PROXY TCP4 192.0.2.9 10.0.0.1 01 2\r\n",
        b"PROXY TCP4 192.0.2.9 10.0.0.1 -1 2\r\n",
        b"PROXY TCP4 192.0.2.9 10.0.0.1 1 2\n",
        b"PROXY UDP4 192.0.2.9 10.0.0.1 1 2\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY UNKNOWN \x00\r\n",
        b"PROXY " + b"x" * (LONGEST_V1 - 6),
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        v2(command=2),
        v2(command=15),
        SIGNATURE + b"\x11\x11\x00\x00",
        v2(block=inet("192.0.2.9", 1)[:-1]),
        v2(family=0x21, block=bytes(35)),
        v2(size=LONGEST - 15),
        v2(size=65535),
        v2(command=0, size=LONGEST),
    ],
)
def test_what_is_no_header_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(BadHeader) as caught:
        read(data, "any")
    assert "192" not in str(caught.value)


@given(
    st.one_of(
        st.binary(max_size=600),
        st.builds(lambda tail: SIGNATURE + tail, st.binary(max_size=600)),
        st.builds(lambda tail: b"PROXY " + tail, st.binary(max_size=200)),
    )
)
def test_hostile_bytes_end_in_one_of_three_ways(data: bytes) -> None:
    try:
        found = read(data, "any")
    except BadHeader:
        return
    if found is None:
        assert len(data) < LONGEST
    else:
        assert found.length <= min(len(data), LONGEST)
        assert found.client is None or ipaddress.ip_address(found.client[0])


@given(st.ip_addresses(), st.integers(0, 65535), st.binary(max_size=100), st.booleans())
def test_what_a_proxy_says_is_what_is_read(
    source: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, extra: bytes, old: bool
) -> None:
    if old:
        kind = "TCP4" if source.version == 4 else "TCP6"
        data = f"PROXY {kind} {source} {'10.0.0.1' if source.version == 4 else '::1'} {port} 443\r\n".encode()
    else:
        data = v2(family=0x11 if source.version == 4 else 0x21, block=inet(str(source), port, extra))
    found = read(data, "any")
    assert found is not None and found.length == len(data) and found.client is not None
    assert found.client == (str(getattr(source, "ipv4_mapped", None) or source), port)


@pytest.mark.parametrize("step", [1, 5, 1000])
@pytest.mark.parametrize("header", [GOOD[0][0], GOOD[6][0]])
def test_not_a_byte_of_what_follows_is_taken(header: bytes, step: int) -> None:
    """TLS reads on from the socket. While the header is not whole, nothing stays unread: epoll would never rest."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        conn = Conn(ours, ("10.0.0.2", 1), ("10.0.0.1", 443), 0.0)
        assert conn.hear_proxy("any") is False
        whole = header + b"\x16\x03\x01"
        for start in range(0, len(header), step):
            theirs.sendall(whole[start : start + step] if start + step < len(header) else whole[start:])
            done = conn.hear_proxy("any")
            assert done is (start + step >= len(header)), start
        assert conn.proxied and conn.address == "192.0.2.9" and not conn.buffer
        assert ours.recv(100) == b"\x16\x03\x01"
        theirs.close()
        assert Conn(ours, ("10.0.0.2", 1), None, 0.0).hear_proxy("any") is None
