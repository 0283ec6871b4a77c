"""Which login a URL asks for. Standard library only: every `openstack` command imports it.

The face of the gateway is the path segment before a final `v3`. The host name and the query say
nothing: `https://krb.example.org/v3` is a password URL.
"""

from typing import Final
from urllib.parse import urlsplit

KERBEROS: Final = "v3kerberos"
X509: Final = "v3x509"
FACES: Final = {"krb": KERBEROS, "x509": X509}


def segments(auth_url: str | None) -> list[str]:
    """The path segments of an absolute URL; none for anything that is not one."""
    try:
        parts = urlsplit(auth_url or "")
    except ValueError:  # such as an unclosed "[" in the host
        return []
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return []
    return [segment for segment in parts.path.split("/") if segment]


def face_of(auth_url: str | None) -> str | None:
    """`v3kerberos` for `.../krb/v3`, `v3x509` for `.../x509/v3`, None for any other URL."""
    path = segments(auth_url)
    if len(path) < 2 or path[-1] != "v3":
        return None
    return FACES.get(path[-2])


def plugin_for(auth_url: str | None, *, has_token: bool, has_password: bool) -> str:
    """The stock name of the plugin for a URL and the secrets at hand.

    A token counts only where no password is given: people leave OS_TOKEN behind, and the stock
    client prefers the password too.
    """
    face = face_of(auth_url)
    if face:
        return face
    if has_token and not has_password:
        # `token` discovers the version first; a URL that names it needs no such round trip.
        return "v3token" if segments(auth_url)[-1:] == ["v3"] else "token"
    return "password"
