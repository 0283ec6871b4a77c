"""The doors that must hold: each is tried, and shown with the answer that it gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .asking import Reply, ask, password_login, refusal
from .world import ADMIN, DOMAIN, KeyPair, World

_TOKENS = "/v3/auth/tokens"


@dataclass(frozen=True)
class Door:
    """`held`: the answer is the refusal that was due, and not some other failure."""

    name: str
    tried: str
    answer: str
    held: bool


def try_all(world: World) -> Iterator[Door]:
    yield _wrong_password(world)
    yield _no_ticket(world)
    yield _refused_by_tls(world, "revoked certificate", world.revoked, "CERTIFICATE_REVOKED")
    yield _refused_by_tls(world, "stranger's authority", world.stranger, "UNKNOWN_CA")
    yield _spoofed(world, "spoofed REMOTE_USER", "/krb")
    yield _spoofed(world, "spoofed REMOTE_USER", "/main")


def _wrong_password(world: World) -> Door:
    alice = world.people[0]
    body = password_login(alice.name, "not-" + alice.password, DOMAIN)
    reply = ask(world.api_tls, world.api_port, "POST", f"/main{_TOKENS}", body=body)
    return Door("wrong password", f"POST /main{_TOKENS} as {alice.name}", _told(reply), reply.status == 401)


def _no_ticket(world: World) -> Door:
    body = {"auth": {"identity": {"methods": ["kerberos"], "kerberos": {}}}}
    reply = ask(world.api_tls, world.api_port, "POST", f"/krb{_TOKENS}", body=body)
    challenge = reply.headers.get("www-authenticate", "")
    held = reply.status == 401 and challenge.startswith("Negotiate")
    return Door("no ticket", f"POST /krb{_TOKENS}", f"{_told(reply)} [WWW-Authenticate: {challenge}]", held)


def _refused_by_tls(world: World, name: str, pair: KeyPair, alert: str) -> Door:
    told = refusal(world.x509_tls(pair), world.x509_port)
    answer = f"TLS alert: {told.replace('_', ' ').lower()}" if told else "let in"
    return Door(name, f"connect to port {world.x509_port}", answer, alert in told)


def _spoofed(world: World, name: str, face: str) -> Door:
    """Each spelling that some proxy or server turns into REMOTE_USER."""
    headers = dict.fromkeys(
        ("Remote-User", "REMOTE_USER", "X-Remote-User", "X_Remote_User", "X-Forwarded-User", "SSL_CLIENT_S_DN_CN"), ADMIN
    )
    body = {"auth": {"identity": {"methods": ["external"], "external": {}}}}
    reply = ask(world.api_tls, world.api_port, "POST", f"{face}{_TOKENS}", body=body, headers=headers)
    return Door(name, f"POST {face}{_TOKENS} with Remote-User: {ADMIN}", _told(reply), reply.status == 401)


def _told(reply: Reply) -> str:
    return f"{reply.status} {reply.message}"
