"""The trust boundary: what a client cannot claim is removed here, and what is no clean request is turned away.

Pure WSGI and lean, for it stands on the hot path: a clean request runs `__call__`, `_admit` and `answer` of ours, no more.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import sys
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from identity.model.auth import Face
from identity.model.evidence import Peer
from identity.settings import Settings

from . import client_cert, refusal
from .admission import Networks
from .faces import BY_LISTENER
from .observe import Metrics, access_line, log, metrics
from .refusal import Refused
from .reply import PROXIED
from .turned_away import TurnedAway

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

FACE: Final = "gatestone.face"
PEER: Final = "gatestone.peer"
REQUEST_ID: Final = "gatestone.request_id"
GLOBAL_REQUEST_ID: Final = "gatestone.global_request_id"
LISTENER: Final = "gatestone.listener"

# Variables that say who the client is, or where it comes from. Dash, underscore, case and any number of HTTP_
# prefixes are alike: "HTTP_" + "X-Remote-User" reads the same in one server as X_REMOTE_USER in the next (CVE-2015-0219).
_CLAIM = re.compile(
    r"""(?:HTTP[-_])* (?:X[-_])? (?:
        REMOTE | REMOTE[-_].* | REMOTE(?:USER|IDENT|GROUP).* | AUTH[-_](?:TYPE|USER|REQUEST|GROUP|PRINCIPAL).*
      | SSL.* | TLS[-_].* | CLIENT[-_](?:CERT|VERIFY|DN|S[-_]DN|I[-_]DN|SSL|SUBJECT|ISSUER).* | ARR[-_]CLIENTCERT | CERT[-_].*
      | MELLON.* | SHIB.* | OIDC.* | AMZN[-_]OIDC.* | SAML.* | EPPN | CAS[-_].*
      | FORWARDED.* | REAL[-_]IP | ORIGINAL[-_](?:URL|URI|HOST|FORWARDED).* | REWRITE[-_]URL | PROXY | PROXY[-_](?:USER|AUTH).*
      | GSS.* | KRB5.* | KERBEROS.* | NEGOTIATE.*
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# Without the HTTP_ prefix these are the server's own and come from the socket.
_KEPT = frozenset({
    "REMOTE_ADDR", "REMOTE_PORT", "REMOTE_HOST", "REQUEST_METHOD", "QUERY_STRING", "RAW_URI", "SERVER_PROTOCOL", "SERVER_NAME",
    "SERVER_PORT", "SERVER_SOFTWARE", "PATH_INFO", "SCRIPT_NAME", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_HOST", "HTTP_ACCEPT",
    "HTTP_ACCEPT_ENCODING", "HTTP_USER_AGENT", "HTTP_CONNECTION", "HTTP_X_AUTH_TOKEN", "HTTP_X_SUBJECT_TOKEN", "HTTP_AUTHORIZATION",
    "HTTP_X_SERVICE_TOKEN", "wsgi.errors", "wsgi.version", "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once", "wsgi.input",
    "wsgi.input_terminated", "wsgi.url_scheme", "wsgi.file_wrapper", "gunicorn.socket", LISTENER,
})  # fmt: skip

# A path without anything to think about: no '%', ';', '\\', empty or dot segment.
_PLAIN = re.compile(r"(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9._~!$&'()*+,=:@-]+)*/?")
_NEEDLESS = re.compile(r"%(?:2[Ff]|5[Cc]|3[Bb]|2[EeDd]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9Aa]|[01][0-9A-Fa-f]|7[Ff])")
_DOUBLED = re.compile(r"%25[0-9A-Fa-f]{2}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_REQUEST_ID = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MAX_TARGET: Final = 8190
_MAX_PEERS: Final = 1024


def check_path(target: str) -> None:
    """Refuse a request target whose meaning differs between readers. `target` is what stood in the request line.

    RFC 9112, section 3.2 and RFC 3986, section 6.2.2: encoded slashes, dot segments, path parameters, needless or
    double escapes are read one way by a proxy that guards a prefix and another way by the router behind it.
    """
    if len(target) > MAX_TARGET:
        raise Refused(414, "path", "The request URL is too long.")
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        raise Refused(400, "path", "The request target must be a path.")
    if not _PLAIN.fullmatch(path):
        if re.search(r"//|[;\\#]|/\.\.?(?:/|\Z)", path) or _CONTROL.search(path) or _BAD_ESCAPE.search(path):
            raise Refused(400, "path", "The request URL is not in its plain form.")
        if _NEEDLESS.search(path) or _DOUBLED.search(path):
            raise Refused(400, "path", "The request URL holds an escape that is not allowed.")
        _check_utf8(path)
    if "%" in query:
        if _BAD_ESCAPE.search(query):
            raise Refused(400, "path", "The query string holds a broken escape.")
        _check_utf8(query)


def _check_utf8(part: str) -> None:
    try:
        text = unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(400, "path", "The request URL is not valid UTF-8.") from None
    if "\x00" in text:
        raise Refused(400, "path", "The request URL holds a NUL character.")


class Edge:
    """WSGI middleware that leaves `gatestone.face`, `gatestone.peer` and `gatestone.request_id` in the environ."""

    def __init__(self, app: Application, settings: Settings, telemetry: Metrics | None = None) -> None:
        server = settings.server
        self._app = app
        self._metrics = telemetry or metrics()
        self._limit = server.max_request_body_size
        self._hops = Networks(server.trusted_hops)
        self._has_hops = bool(self._hops)
        self._hop_believes = frozenset(settings.hop.believes)
        self._verifier = client_cert.Verifier(settings.x509.client_ca)
        self._away = TurnedAway(self._metrics)
        self._user_header = "HTTP_" + server.remote_user_header.upper().replace("-", "_")
        self._peers: dict[str, Peer] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        request_id = f"req-{uuid4()}"
        seen = "500"

        def answer(status: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal seen
            seen = status[:3]
            varies = caches = False
            for name, value in fields:
                if name in ("Vary", "vary"):
                    varies = varies or "x-auth-token" in value.lower()
                elif name in ("Cache-Control", "cache-control"):
                    caches = True
            if not varies:
                fields.append(("Vary", "X-Auth-Token"))
            if not caches:
                fields.append(("Cache-Control", "no-store"))
            fields += (("X-Content-Type-Options", "nosniff"), ("X-Openstack-Request-Id", request_id))
            return start_response(status, fields, exc_info) if exc_info else start_response(status, fields)

        try:
            self._admit(environ, request_id)
            result = self._app(environ, answer)
        except Refused as refused:
            address = environ.get("REMOTE_ADDR") or ""
            self._away.tell(refused.reason, address, status=refused.status, request_id=request_id)
            result = self._refuse(refused.status, refused.message, answer)
        except Exception:
            # The application answers its own mistakes; what still comes here must not become the server's own page.
            log().exception("unhandled", request_id=request_id)
            result = self._refuse(500, "An unexpected error prevented the server from fulfilling your request.", answer)
        seconds = perf_counter() - began
        self._metrics.requests[environ["REQUEST_METHOD"], seen].inc()
        self._metrics.latency.observe(seconds)
        if self._metrics.debug:
            access_line(environ, seen, seconds, request_id)
        return result

    def _admit(self, environ: Environ, request_id: str) -> None:  # noqa: C901 (one frame: this is the hot path)
        """Clean the environ and fill in what is ours. Raises Refused."""
        listener = environ.get(LISTENER, "api")
        address = environ.get("REMOTE_ADDR") or ""
        # An address that a PROXY header told is a client's, and no client is a hop.
        trusted = listener == "hop" or (self._has_hops and listener == "api" and PROXIED not in environ and address in self._hops)
        told = self._listen_to(environ, address, listener) if trusted else None
        for name in tuple(environ):
            if name not in _KEPT and (name == self._user_header or _CLAIM.fullmatch(name)):
                del environ[name]
        if told is not None:
            address, said, shown = told
            environ.update(said)
        path = environ["PATH_INFO"] or "/"
        target = environ.get("RAW_URI") or environ.get("REQUEST_URI") or path
        if len(target) > 1024 or not _PLAIN.fullmatch(target):
            check_path(target)
        if "HTTP_TRANSFER_ENCODING" in environ or "CONTENT_LENGTH" in environ:
            self._check_body(environ)
        if not _HOST.fullmatch(environ.get("HTTP_HOST", "-")):
            raise Refused(400, "host", "The Host header is malformed.")
        if "," in environ.get("HTTP_X_AUTH_TOKEN", "") or "," in environ.get("HTTP_X_SUBJECT_TOKEN", ""):
            raise Refused(400, "repeated", "A header that may stand only once was sent twice.")
        table, other = BY_LISTENER[listener]
        face = table.get(path.split("/", 2)[1], other)
        if face is None:
            raise Refused(404, "listener", "The resource could not be found on this port.")
        if face is not Face.BARE:
            environ["SCRIPT_NAME"] = face.value
            environ["PATH_INFO"] = path[len(face.value) :] or "/"
        peer = self._peers.get(address) if listener == "api" else None
        certificate = self._verified(shown, address, request_id) if told is not None and shown and face is Face.X509 else None
        environ[PEER] = peer or self._peer(environ, address, listener, certificate)
        environ[FACE] = face
        environ[REQUEST_ID] = request_id
        if _REQUEST_ID.fullmatch(environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")):
            environ[GLOBAL_REQUEST_ID] = environ["HTTP_X_OPENSTACK_REQUEST_ID"]

    @staticmethod
    def _refuse(status: int, message: str, answer: StartResponse) -> list[bytes]:
        content = refusal.body(status, message)
        fields = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        answer(f"{status} {refusal.TITLES[status]}", fields, sys.exc_info() if status == 500 else None)
        return [content]

    def _check_body(self, environ: Environ) -> None:
        """RFC 9112, section 6.3: one length, in digits; both framings at once are an attack (request smuggling)."""
        length = environ.get("CONTENT_LENGTH") or ""
        if length and "HTTP_TRANSFER_ENCODING" in environ:
            raise Refused(400, "length", "The request has two lengths.")
        if length and not (length.isascii() and length.isdigit()):
            raise Refused(400, "length", "The Content-Length header is malformed.")
        if length and (len(length) > 12 or int(length) > self._limit):
            raise Refused(413, "size", "The request body is larger than the allowed size.")

    def _peer(self, environ: Environ, address: str, listener: str, certificate: bytes | None) -> Peer:
        connection = environ.get("gunicorn.socket")
        if listener == "x509" and isinstance(connection, ssl.SSLSocket):
            certificate = connection.getpeercert(binary_form=True)
        peer = Peer(address=address, listener=listener, certificate=certificate)
        if listener == "api":
            if len(self._peers) >= _MAX_PEERS:
                self._peers.clear()
            self._peers[address] = peer
        return peer

    def _listen_to(self, environ: Environ, address: str, listener: str) -> tuple[str, dict[str, str], tuple[str, str] | None]:
        """What a trusted hop says: the client's address, variables to set once its headers are removed like all others, and the
        headers with the client's certificate. On the listener that is made for a proxy, only what the settings let it say.
        """
        said: dict[str, str] = {}
        user = environ.get(self._user_header) if listener == "api" or "remote-user" in self._hop_believes else None
        if user is not None:
            if not user.strip() or _CONTROL.search(user):
                raise Refused(400, "user", "The user header of the proxy is empty or malformed.")
            said["REMOTE_USER"] = user.strip()
        if environ.get("HTTP_X_FORWARDED_PROTO") in ("http", "https"):
            said["wsgi.url_scheme"] = environ["HTTP_X_FORWARDED_PROTO"]
        shown = None
        if listener == "hop" and "client-cert" in self._hop_believes and "HTTP_CLIENT_CERT" in environ:
            shown = environ["HTTP_CLIENT_CERT"], environ.get("HTTP_CLIENT_CERT_CHAIN", "")
        # The right-most address that is no hop of ours: everything left of it was written by the client.
        for entry in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            try:
                found = str(ipaddress.ip_address(entry.strip()))
            except ValueError:
                break
            address = found
            if found not in self._hops:
                break
        return address, said, shown

    def _verified(self, shown: tuple[str, str], address: str, request_id: str) -> bytes | None:
        """The certificate that a proxy handed on, if it is good; else None, and the plugin finds that no proof was sent."""
        leaf, above = client_cert.read(*shown)
        try:
            self._verifier.check(leaf, above)
        except client_cert.NotVerified as error:
            self._away.tell("certificate", address, detail=str(error), request_id=request_id)
            return None
        return leaf
