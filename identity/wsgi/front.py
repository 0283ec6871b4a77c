"""The worker: an event loop that collects whole requests, and threads that only ever answer them.

A slow TLS handshake, a dripping head or a half-sent body costs a place in a table and no thread (CWE-400, "Slowloris").
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from gunicorn.workers.base import Worker

from identity.ports import EventSink

from . import admission, refusal
from .connection import IN_A_THREAD, Conn, Phase
from .framing import Framing, hashes_nothing
from .handshake import IN, OUT, Handshakes
from .observe import LogSink, log, metrics
from .proxy_protocol import SIGNATURE, BadHeader, is_header
from .refusal import Refused
from .reply import PROXIED, SERVER, Reply, environ, frozen_config, parse, read_body
from .tls import client_check
from .turned_away import TurnedAway

_LINGER: Final = 1.0  # seconds in which a client may still read our last answer
_CERTIFICATE_LIFE: Final = 60.0  # seconds after which a certificate is asked for anew
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class FrontWorker(Worker):  # type: ignore[misc]
    """`self.app` is `server.Master`: it brings the settings, the TLS contexts and the pipe to say "ready" on."""

    def init_process(self) -> None:
        server = self.app.settings.server
        self.listener: str = self.app.listener
        self.contexts = self.app.contexts
        self.plain_cfg = frozen_config(self.cfg)
        self.once = frozenset({server.remote_user_header.upper()})
        self.header_timeout, self.body_timeout, self.keepalive = server.header_timeout, server.body_timeout, float(server.keepalive)
        self.max_body = server.max_request_body_size
        self.max_head = 2 * server.max_header_size
        self.max_held = max(server.max_buffered, 2 * (self.max_head + 2 * self.max_body))
        self.held = 0  # bytes in the buffers of all connections; the event loop alone counts
        self.admission = admission.for_listener(self.app.settings, self.listener)
        self.check = client_check(self.app.settings, self.listener)
        self.away = TurnedAway()
        self.conns: dict[int, Conn] = {}
        self.ready: queue.SimpleQueue[Conn | None] = queue.SimpleQueue()
        self.logins: queue.SimpleQueue[Conn | None] = queue.SimpleQueue()
        self.handshakes: Handshakes | None = None
        self.returned: deque[Conn] = deque()
        self.poll = select.epoll()
        self.serving = 0
        super().init_process()

    # --- the event loop -------------------------------------------------------------------------------------------

    def run(self) -> None:
        self._open()
        looked = 0.0
        while self.alive and os.getppid() == self.ppid:
            self._turn(0.2 if self.conns else 1.0)
            now = time.monotonic()
            if now - looked >= 0.2:
                looked = now
                self.notify()
                self._reap(now)
        self._drain()

    def _open(self) -> None:
        self.by_fd = {listener.fileno(): listener for listener in self.sockets}
        for fd, listener in self.by_fd.items():
            listener.setblocking(False)
            self.poll.register(fd, select.EPOLLIN)
        self.poll.register(self.PIPE[0], select.EPOLLIN)  # signals, and threads that give a connection back
        # Log-ins wait for their turn to hash, so they have threads of their own: a storm of them must not hold those that validate.
        for name, waiting in (("serve", self.ready), ("login", self.logins)):
            for number in range(self.cfg.threads):
                threading.Thread(target=self._serve_all, args=(waiting,), name=f"{name}-{number}", daemon=True).start()
        if self.contexts is not None:
            # The application's own sink, where it has one: whoever is told of log-ins hears of these too.
            sink: EventSink = getattr(self.app.built, "sink", None) or LogSink(self.app.settings.auth.methods)
            told = sink, self.away
            self.handshakes = Handshakes(self.listener, self.contexts, self.check, told, self._arm, self._hang_up)
            self.handshakes.start()
        self.app.say_ready()

    def _turn(self, timeout: float) -> None:
        for fd, _mask in self.poll.poll(timeout):
            if fd in self.by_fd:
                self._accept(self.by_fd[fd])
            elif fd == self.PIPE[0]:
                self._take_back()
            elif fd in self.conns:
                self._take(self._advance, self.conns[fd])

    def _take(self, step: Callable[[Conn], None], conn: Conn) -> None:
        try:
            step(conn)
        except Exception:  # one client must not end the worker for all
            log().exception("connection_failed", address=conn.address)
            self._close(conn)

    def _accept(self, listener: Any) -> None:
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
            return  # taken by another worker, or gone again
        conn = Conn(sock, client, listener.getsockname(), time.monotonic() + self.header_timeout)
        if not self.admission.is_open and (stranger := self.admission.stranger(sock, conn.address)):
            self.away.tell("peer", stranger)
            sock.close()
            return
        if len(self.conns) >= self.cfg.worker_connections:
            self._make_room()
        sock.setblocking(False)
        self.conns[conn.fd] = conn
        self.poll.register(conn.fd, 0)
        if self.admission.speaks_for_others(conn.address):
            conn.phase = Phase.PREFACE
            self._arm(conn, IN)
        else:
            self._begin(conn)

    def _begin(self, conn: Conn) -> None:
        """It is known who the client is: TLS comes next, or a request."""
        if self.handshakes is not None:
            conn.phase = Phase.HANDSHAKE
            self._arm(conn, IN)
        else:
            conn.phase = Phase.READING
            self._advance(conn)

    def _hear_proxy(self, conn: Conn) -> None:
        try:
            known = conn.hear_proxy(self.admission.version)
        except BadHeader as error:
            self.away.tell("proxy", conn.address, detail=str(error))
            self._close(conn)
            return
        if known is False:
            self._arm(conn, IN)
        else:
            (self._begin if known else self._close)(conn)

    def _make_room(self) -> None:
        """At the limit the oldest connection that no thread serves gives way: it is idle or slow."""
        for conn in self.conns.values():
            if conn.phase not in IN_A_THREAD:
                metrics().refused("crowded")
                self._close(conn)
                return

    def _advance(self, conn: Conn) -> None:
        """Something may have arrived."""
        if conn.phase is Phase.HANDSHAKE:
            conn.phase = Phase.SHAKING
            self.handshakes.put(conn)  # type: ignore[union-attr]  # no other listener has that phase
        elif conn.phase is Phase.LINGER:
            self._arm(conn, IN) if conn.discard() else self._close(conn)
        elif conn.phase is Phase.WRITING:
            self._write_on(conn)
        elif conn.phase is Phase.READING:
            before = len(conn.buffer)
            still_there = conn.receive(self.max_head + 2 * self.max_body)
            self.held += len(conn.buffer) - before
            if not still_there:
                self._close(conn)
                return
            if not before and conn.served:
                conn.deadline = time.monotonic() + self.header_timeout
            self._examine(conn)
            if self.held > self.max_held:
                self._shed()
        elif conn.phase is Phase.PREFACE:
            self._hear_proxy(conn)

    def _shed(self) -> None:
        """Too much is held for requests that are not whole: the largest gives way."""
        waiting = [conn for conn in self.conns.values() if conn.phase is Phase.READING]
        if waiting:
            largest = max(waiting, key=lambda conn: len(conn.buffer))
            self._refuse(largest, Refused(503, "memory", "The server is busy: send the request again."))

    def _examine(self, conn: Conn) -> None:
        """Give a complete request to the threads; wait for the rest of an incomplete one."""
        framing = conn.framing
        if framing is None:
            framing = conn.framing = Framing(self.max_head, self.max_body)
        knew_head = framing.head
        try:
            extent = framing.extent(conn.buffer) if conn.buffer else None
        except Refused as refused:
            self._refuse(conn, refused)
            return
        if extent is not None:
            self._dispatch(conn, framing, extent)
            return
        if framing.head and not knew_head:
            conn.deadline = time.monotonic() + self.body_timeout
            if framing.expects_continue:
                with contextlib.suppress(OSError):
                    conn.sock.send(_CONTINUE)
        self._arm(conn, IN)

    def _dispatch(self, conn: Conn, framing: Framing, extent: int) -> None:
        if self.check is not None and conn.context is not self.contexts.current():
            # The revocation list has changed since the handshake: this certificate must be looked at again.
            self._close(conn)
            return
        conn.message = bytes(conn.buffer[:extent])
        del conn.buffer[:extent]
        self.held -= extent
        conn.framing = None
        conn.phase = Phase.SERVING
        quick = not conn.message.startswith(b"POST ") or (not framing.chunked and hashes_nothing(conn.message, framing.head))
        (self.ready if quick else self.logins).put(conn)

    def _refuse(self, conn: Conn, refused: Refused) -> None:
        """Answer from the event loop and close. The client may still be sending, so we linger (RFC 9112, 9.6)."""
        self._tell(conn, refused, conn.buffer)
        with contextlib.suppress(OSError):
            conn.sock.send(refusal.message(refused.status, refused.message, server=SERVER))
        self._linger(conn)

    def _tell(self, conn: Conn, refused: Refused, data: bytes | bytearray) -> None:
        foreign = not conn.served and not conn.proxied and is_header(bytes(data[: len(SIGNATURE)]))
        self.away.tell("proxy" if foreign else refused.reason, conn.address, status=refused.status)

    def _linger(self, conn: Conn) -> None:
        self._forget(conn)
        if conn.say_goodbye():
            self._end(conn)
            self._arm(conn, IN)
        else:
            self._close(conn)

    @staticmethod
    def _end(conn: Conn) -> None:
        conn.deadline = time.monotonic() + _LINGER  # before the phase: `_reap` may look between the two
        conn.phase = Phase.LINGER

    def _write_on(self, conn: Conn) -> None:
        """The client has taken a part of its answer; a slow one costs no thread."""
        if not conn.push():
            self._arm(conn, OUT)
        elif conn.keep:
            conn.phase = Phase.READING
            conn.deadline = time.monotonic() + (self.keepalive if self.alive else 0.5)
            self._go_on(conn)
        else:
            self._linger(conn)

    def _go_on(self, conn: Conn) -> None:
        """Look at what came behind the last request: in the buffer, or decrypted within TLS, of which epoll knows nothing."""
        if conn.context is not None and conn.sock.pending():
            self._advance(conn)
        else:
            self._examine(conn)

    def _close(self, conn: Conn) -> None:
        if self.conns.get(conn.fd) is conn:  # the number may belong to a newer one by now
            del self.conns[conn.fd]
            self._forget(conn)
        with contextlib.suppress(OSError):
            conn.sock.close()  # leaves the epoll set by itself

    def _forget(self, conn: Conn) -> None:
        """Nothing more is read of it; the header of a proxy that was not whole was never counted."""
        if conn.phase is not Phase.PREFACE:
            self.held -= len(conn.buffer)
        conn.buffer = bytearray()

    def _arm(self, conn: Conn, mask: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.poll.modify(conn.fd, mask)

    def _reap(self, now: float) -> None:
        """Close or refuse what has outlived its deadline; drop idle connections made under an older revocation list."""
        current = self.contexts.current() if self.check is not None else None
        for conn in list(self.conns.values()):
            if conn.phase in IN_A_THREAD:
                continue
            if now >= conn.deadline:
                if conn.phase is Phase.READING and conn.buffer:
                    self._refuse(conn, Refused(408, "slow", "The request took too long to arrive."))
                else:
                    if conn.phase in (Phase.HANDSHAKE, Phase.PREFACE):
                        self.away.tell("slow" if conn.phase is Phase.HANDSHAKE else "proxy", conn.address, detail="nothing in time")
                    self._close(conn)
            elif current is not None and conn.phase is Phase.READING and conn.context is not current and not conn.buffer:
                self._close(conn)

    def _take_back(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.PIPE[0], 4096)
        while self.returned:
            conn = self.returned.popleft()
            self._take(self._go_on if conn.phase is Phase.READING else self._linger, conn)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self.PIPE[1], b"\0")

    def _drain(self) -> None:
        """Stop taking connections, answer what has been sent, and leave."""
        for fd in self.by_fd:
            self.poll.unregister(fd)
        for listener in self.sockets:
            listener.close()
        self.by_fd = {}
        now = time.monotonic()
        end = now + self.cfg.graceful_timeout
        for conn in list(self.conns.values()):
            if conn.phase is Phase.READING and not conn.buffer:
                conn.deadline = min(conn.deadline, now + 0.5)  # a request may be on its way
        while self.conns and time.monotonic() < end:
            self.notify()
            self._turn(0.05)
            self._reap(time.monotonic())
        for _ in range(self.cfg.threads):
            self.ready.put(None)
            self.logins.put(None)

    # --- the threads ----------------------------------------------------------------------------------------------

    def _hang_up(self, conn: Conn) -> None:
        """Have the event loop close a connection whose handshake failed, once the client has read why."""
        self._end(conn)
        self.returned.append(conn)
        self._wake()

    def _serve_all(self, waiting: queue.SimpleQueue[Conn | None]) -> None:
        while True:
            conn = waiting.get()
            if conn is None:
                return
            conn.keep = False
            try:
                self._serve(conn)
            except Refused as refused:
                self._tell(conn, refused, conn.message)
                conn.outgoing = memoryview(refusal.message(refused.status, refused.message, server=SERVER))
            except Exception:
                log().exception("answer_failed", address=conn.address)
            conn.message = b""
            conn.served += 1
            self._give_back(conn)

    def _give_back(self, conn: Conn) -> None:
        if not conn.push():
            conn.deadline = time.monotonic() + self.body_timeout
            conn.phase = Phase.WRITING
            self._arm(conn, OUT)
            return
        if not conn.keep:
            self._end(conn)
        else:
            conn.deadline = time.monotonic() + (self.keepalive if self.alive else 0.5)
            more = conn.buffer or (conn.context is not None and conn.sock.pending())
            conn.phase = Phase.READING
            if not more:
                self._arm(conn, IN)  # the event loop need not be woken for this
                return
        self.returned.append(conn)
        self._wake()

    def _serve(self, conn: Conn) -> None:
        """Make the answer to one request, and say whether the connection stays open."""
        request = parse(conn.message, self.plain_cfg, conn.client, conn.served + 1, self.once)
        body = read_body(request, self.max_body)
        reply = Reply(request, conn.sock, self.plain_cfg)
        too_old = self.check is not None and time.monotonic() - conn.born > _CERTIFICATE_LIFE
        if not self.alive or not self.keepalive or too_old:
            reply.force_close()
        variables = environ(request, body, conn.sock, (conn.client, conn.server), self.listener)
        if conn.proxied:
            variables[PROXIED] = True
        answer = self.wsgi(variables, reply.start_response)
        try:
            for part in answer:
                reply.write(part)
            reply.close()
        finally:
            if hasattr(answer, "close"):
                answer.close()
        conn.outgoing, conn.keep = memoryview(reply.data), not reply.should_close()
