"""Reading a request from memory and writing an answer in one piece, on gunicorn's parser and response.

A head and a body in two writes cost a client about 40 ms where it delays its acknowledgements (RFC 1122, 4.2.3.2).
"""

from __future__ import annotations

import sys
import time
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Final

from gunicorn.config import Config
from gunicorn.http import errors as parse_errors
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import FileWrapper, Response
from gunicorn.util import http_date, unquote_to_wsgi_str

from .refusal import Refused

SERVER: Final = "Gatestone"
PROXIED: Final = "gatestone.proxied"  # the address is what a PROXY header said, and no hop's own
_PIECE: Final = 8192

# Fields that mean one thing or nothing: joined by a comma, two of them would become a third (RFC 9110, section 5.3).
_ONCE: Final = frozenset({
    "AUTHORIZATION", "X-AUTH-TOKEN", "X-SUBJECT-TOKEN", "X-SERVICE-TOKEN", "CONTENT-LENGTH", "CONTENT-TYPE", "HOST",
    "TRANSFER-ENCODING", "X-OPENSTACK-REQUEST-ID", "X-FORWARDED-PROTO", "EXPECT", "CLIENT-CERT",
})  # fmt: skip


def frozen_config(cfg: Config) -> SimpleNamespace:
    """gunicorn's settings as plain attributes: its own object runs Python code at every look."""
    plain = {name: setting.get() for name, setting in cfg.settings.items()}
    networks = cfg.forwarded_allow_networks()
    return SimpleNamespace(
        **{**plain, "is_ssl": cfg.is_ssl, "forwarded_allow_networks": lambda: networks, "proxy_allow_networks": lambda: ()}
    )


def parse(message: bytes, cfg: SimpleNamespace, client: Any, number: int, once: frozenset[str]) -> Request:
    """Parse one whole request. `once`: further names that may stand only once. Raises Refused."""
    # In pieces, for the parser copies the rest of a piece at every chunk: one large piece would cost the square.
    pieces = (message[start : start + _PIECE] for start in range(0, len(message), _PIECE))
    try:
        request = Request(cfg, IterUnreader(pieces), client, number)
    except StopIteration:
        raise Refused(400, "syntax", "The request is empty.") from None
    except (parse_errors.ParseException, OSError) as error:
        raise Refused(*_FOUND.get(type(error), _MALFORMED)) from None
    seen = set()
    for name, _value in request.headers:
        if name in _ONCE or name in once:
            if name in seen:
                raise Refused(400, "repeated", "A header that may stand only once was sent twice.")
            seen.add(name)
    if "HOST" not in seen and request.version >= (1, 1):
        raise Refused(400, "host", "The request has no Host header.")
    request._expected_100_continue = False  # answered by the event loop, where it was needed
    return request


_MALFORMED: Final = (400, "syntax", "The request is malformed.")
# What gunicorn's parser finds, in our words: its own message may repeat a header with a secret in it.
_FOUND: Final[dict[type[Exception], tuple[int, str, str]]] = {
    parse_errors.LimitRequestLine: (414, "path", "The request URL is too long."),
    parse_errors.LimitRequestHeaders: (431, "head", "The request headers are larger than the allowed size."),
    parse_errors.ExpectationFailed: (417, "syntax", "The expectation cannot be met."),
    parse_errors.UnsupportedTransferCoding: (501, "length", "The transfer coding is not implemented."),
    parse_errors.InvalidHeader: (400, "header", "A request header is malformed."),
    parse_errors.InvalidHeaderName: (400, "header", "A request header is malformed."),
    parse_errors.ObsoleteFolding: (400, "header", "A request header is malformed."),
    parse_errors.InvalidRequestMethod: (400, "syntax", "The request method is malformed."),
}


def read_body(request: Request, limit: int) -> bytes:
    """The whole body, which is in memory already. Raises Refused for a broken or too long one."""
    try:
        data: bytes = request.body.read(limit + 1)
    except (parse_errors.ParseException, OSError):
        raise Refused(400, "length", "The request body is malformed.") from None
    if len(data) > limit:
        raise Refused(413, "size", "The request body is larger than the allowed size.")
    return data


def environ(request: Request, body: bytes, sock: Any, ends: tuple[Any, Any], listener: str) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of a complete request. `ends`: the client's address and ours."""
    client, server = ends
    is_inet = isinstance(server, tuple)
    found: dict[str, Any] = {
        "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True,
        "wsgi.run_once": False, "wsgi.file_wrapper": FileWrapper, "wsgi.input_terminated": True, "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": request.scheme, "gunicorn.socket": sock, "gatestone.listener": listener,
        "REQUEST_METHOD": request.method, "QUERY_STRING": request.query, "RAW_URI": request.uri, "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_wsgi_str(request.path) if "%" in request.path else request.path,
        "SERVER_PROTOCOL": "HTTP/1.0" if request.version == (1, 0) else "HTTP/1.1", "SERVER_SOFTWARE": SERVER,
        "SERVER_NAME": server[0] if is_inet else "localhost", "SERVER_PORT": str(server[1]) if is_inet else "80",
        "REMOTE_ADDR": client[0] if isinstance(client, tuple) else "",
    }  # fmt: skip
    if isinstance(client, tuple):
        found["REMOTE_PORT"] = str(client[1])
    for name, value in request.headers:
        if name == "CONTENT-TYPE":
            found["CONTENT_TYPE"] = value
        elif name not in ("CONTENT-LENGTH", "TRANSFER-ENCODING"):
            key = "HTTP_" + name.replace("-", "_")
            found[key] = f"{found[key]},{value}" if key in found else value
    if body or any(name == "CONTENT-LENGTH" for name, _ in request.headers):
        found["CONTENT_LENGTH"] = str(len(body))
    return found


class Reply(Response):  # type: ignore[misc]
    """An answer that is gathered whole: `data` once it is closed. Sending it is the connection's business."""

    _date: tuple[int, str] = (0, "")

    def __init__(self, request: Request, sock: Any, cfg: Any) -> None:
        super().__init__(request, sock, cfg)
        self.headers_sent = False
        self.data = b""
        self._parts: list[bytes] = []

    def default_headers(self) -> list[str]:
        now = int(time.time())
        if Reply._date[0] != now:
            Reply._date = (now, http_date(now))
        lines = [
            f"HTTP/1.1 {self.status}\r\n",
            f"Server: {SERVER}\r\n",
            f"Date: {Reply._date[1]}\r\n",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
        ]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        return lines

    def send_headers(self) -> None:
        if not self.headers_sent:
            self.headers_sent = True
            lines = self.default_headers()
            lines.extend(f"{name}: {value}\r\n" for name, value in self.headers)
            self._parts.append(("".join(lines) + "\r\n").encode("latin-1"))

    def _emit_body(self, data: bytes) -> None:
        self._parts.append(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def close(self) -> None:
        self.send_headers()
        if self.chunked:
            self._parts.append(b"0\r\n\r\n")
        self.data = b"".join(self._parts)
