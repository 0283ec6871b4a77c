"""The Kerberos ticket at hand, read before a login so that its absence is said in one line."""

from dataclasses import dataclass

from keystoneauth_gatestone.exceptions import NoTicket


@dataclass(frozen=True)
class Ticket:
    principal: str
    seconds_left: int


def current() -> Ticket | None:
    """The default credential. None where python-gssapi is absent (Windows logs in by SSPI).

    Raises NoTicket.
    """
    try:
        import gssapi
        from gssapi.exceptions import GSSError
    except (ImportError, OSError):
        return None
    try:
        credentials = gssapi.Credentials(usage="initiate")
        name, left = str(credentials.name), credentials.lifetime
    except GSSError as error:
        if "expired" in str(error).lower():
            raise NoTicket("the Kerberos ticket has expired: run kinit") from error
        raise NoTicket() from error
    if left is not None and left <= 0:
        raise NoTicket(f"the Kerberos ticket of {name} has expired: run kinit")
    return Ticket(name, int(left or 0))
