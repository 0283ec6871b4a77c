"""A real private MIT realm for tests; `Realm` is what the demo runs too."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import gssapi

from identity.manage.demo.realm import Realm

__all__ = ["SPNEGO", "Client", "Realm", "spnego", "trust"]

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")


def trust(trusting: Realm, trusted: Realm) -> None:
    """Let principals of `trusted` get tickets for services of `trusting`; both must run."""
    shared = secrets.token_urlsafe(24)
    for realm in (trusting, trusted):
        realm.add_principal(f"krbtgt/{trusting.realm}@{trusted.realm}", shared)
    trusting.knows(trusted)
    trusted.knows(trusting)


class Client:
    """One exchange as a client: `header` is its Authorization, `finish` takes the service's answer.

    `seconds_left` is how long the ticket was still good for when the exchange began.
    """

    def __init__(self, ccache: Path, service: str = "HTTP@localhost", bindings: bytes | None = None) -> None:
        given = gssapi.raw.ChannelBindings(application_data=bindings) if bindings else None
        ticket = gssapi.Credentials(usage="initiate", store={"ccache": f"FILE:{ccache}"})
        self.seconds_left = ticket.lifetime
        self.context = gssapi.SecurityContext(
            name=gssapi.Name(service, gssapi.NameType.hostbased_service),
            creds=ticket,
            mech=SPNEGO,
            flags=gssapi.RequirementFlag.mutual_authentication,
            channel_bindings=given,
            usage="initiate",
        )
        self.token = self.context.step()

    @property
    def header(self) -> str:
        return "Negotiate " + base64.b64encode(self.token).decode()

    def finish(self, challenge: str) -> bool:
        """Whether the service proved itself with this WWW-Authenticate value."""
        self.context.step(base64.b64decode(challenge.removeprefix("Negotiate ")))
        return self.context.complete


def spnego(mechanisms: list[bytes], token: bytes | None = None) -> bytes:
    """A NegTokenInit (RFC 4178, section 4.2.1) by hand, to offer what no client library would; OIDs in DER."""
    parts = _der(0xA0, _der(0x30, b"".join(mechanisms)))
    if token is not None:
        parts += _der(0xA2, _der(0x04, token))
    return _der(0x60, bytes.fromhex("06062b0601050502") + _der(0xA0, _der(0x30, parts)))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
