"""How far one HTTP/1.1 request reaches in the bytes that have arrived: no I/O, and no opinion on what they mean.

The event loop asks this before it gives a request to a thread, so that no thread ever waits for a client. What is
ambiguous is called complete, and the strict parser behind refuses it.
"""

from __future__ import annotations

import re
from typing import Final

from .refusal import Refused

# The blanks around a value are cut off afterwards: a pattern for them takes time with the cube of their number (CWE-1333).
_LENGTH = re.compile(rb"\r\ncontent-length:([^\r\n]*)(?=\r\n)", re.IGNORECASE)
_CODING = re.compile(rb"\r\ntransfer-encoding:([^\r\n]*)(?=\r\n)", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_HEX = re.compile(rb"[0-9A-Fa-f]{1,8}[ \t]*(?:;|\Z)")
_END: Final = b"\r\n\r\n"


_LONGEST_QUICK: Final = 8192
_HASHED: Final = (b"password", b"secret", b"\\")  # with a backslash in it, JSON may spell either word in another way


def hashes_nothing(message: bytes, head: int) -> bool:
    """Whether a POST can be told, unread, to hold no password or secret: it then does not wait where those wait to be hashed."""
    if len(message) - head > _LONGEST_QUICK or message[head : head + 1] not in (b"", b"{"):
        return False
    body = message[head:]
    return not any(word in body for word in _HASHED)


class Framing:
    """Follows one request; make a new one for the next. `head` is the length of the head once it is known, else 0."""

    def __init__(self, max_head: int, max_body: int) -> None:
        self._max_head = max_head
        self._max_body = max_body
        # A chunk of one byte takes six on the wire; twice the limit lets ordinary writers through.
        self._max_raw = 2 * max_body + max_head
        self.head = 0
        self.expects_continue = False
        self.chunked = False
        self._scanned = 0
        self._wanted = 0
        self._decoded = 0

    def extent(self, buffer: bytearray) -> int | None:
        """Bytes of `buffer` that are the request, or None while it is incomplete. Raises Refused (413, 431)."""
        if not self.head and not self._find_head(buffer):
            return None
        if self.chunked:
            return self._chunks(buffer)
        return self._wanted if len(buffer) >= self._wanted else None

    def _find_head(self, buffer: bytearray) -> bool:
        start = 2 if buffer[:2] == b"\r\n" else 0  # RFC 9112, section 2.2: one empty line before a request is let pass
        end = buffer.find(_END, max(start, self._scanned - 3))
        if end < 0:
            if b"\n" in buffer and buffer.count(b"\n") != buffer.count(b"\r\n"):
                self.head = self._wanted = len(buffer)  # a bare LF: this head can never end; the parser refuses it
                return True
            if len(buffer) > self._max_head:
                raise Refused(431, "head", "The request headers are larger than the allowed size.")
            self._scanned = len(buffer)
            return False
        if end > self._max_head:
            raise Refused(431, "head", "The request headers are larger than the allowed size.")
        self.head = self._wanted = end + len(_END)
        self._read_head(bytes(buffer[start : self.head]))
        return True

    def _read_head(self, head: bytes) -> None:
        lengths = [value.strip(b" \t") for value in _LENGTH.findall(head)]
        codings = [value.strip(b" \t") for value in _CODING.findall(head)]
        if len(lengths) + len(codings) > 1 or (codings and codings[0].lower() != b"chunked"):
            return
        if codings:
            self.chunked = True
            self._scanned = self.head
        elif lengths and lengths[0].isdigit():
            if len(lengths[0]) > 12 or int(lengths[0]) > self._max_body:
                raise Refused(413, "size", "The request body is larger than the allowed size.")
            self._wanted = self.head + int(lengths[0])
        self.expects_continue = bool(self._wanted > self.head or self.chunked) and _EXPECT.search(head) is not None

    def _chunks(self, buffer: bytearray) -> int | None:
        """RFC 9112, section 7.1. `_scanned` stands at the start of a chunk's size line."""
        while True:
            line_end = buffer.find(b"\r\n", self._scanned)
            if line_end < 0 or line_end - self._scanned > 256:
                if len(buffer) - self._scanned > 256:
                    return len(buffer)  # no size line is that long; the parser refuses it
                return None
            if not _HEX.match(buffer, self._scanned, line_end):
                return len(buffer)
            size = int(bytes(buffer[self._scanned : line_end]).split(b";", 1)[0], 16)
            if size == 0:
                return self._trailers(buffer, line_end)
            after = line_end + 2 + size + 2
            if self._decoded + size > self._max_body or after - self.head > self._max_raw:
                raise Refused(413, "size", "The request body is larger than the allowed size.")
            if len(buffer) < after:
                return None
            if buffer[after - 2 : after] != b"\r\n":
                return len(buffer)
            self._decoded += size
            self._scanned = after

    def _trailers(self, buffer: bytearray, line_end: int) -> int | None:
        end = buffer.find(_END, line_end)
        if end >= 0:
            return end + len(_END)
        if len(buffer) - line_end > self._max_head:
            raise Refused(431, "head", "The request trailers are larger than the allowed size.")
        return None
