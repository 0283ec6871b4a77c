"""Kerberos as the `gatestone` selector does it: like stock `v3kerberos`, safer and more talkative.

Mutual authentication is required by default (stock: optional), a missing ticket is told before the
first request, and an error page of the gateway is shown instead of being blanked.
"""

import logging
from types import ModuleType
from typing import Any, Unpack
from urllib.parse import urlsplit

from keystoneauth1 import access, exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from keystoneauth_gatestone import tickets
from keystoneauth_gatestone.exceptions import KerberosMissing, cure
from keystoneauth_gatestone.scope import Scope

MUTUAL = ("required", "optional", "disabled")


def library() -> ModuleType:
    """requests_kerberos; raises KerberosMissing."""
    try:
        import requests_kerberos
    except (ImportError, OSError) as error:  # OSError: the shared Kerberos library is missing
        raise KerberosMissing() from error
    module: ModuleType = requests_kerberos
    return module


class KerberosMethod(v3.AuthMethod):
    """The method `kerberos`; no cache id, so no token outlives a change of principal."""

    _method_parameters = ["mutual_auth"]
    mutual_auth: str | None

    def get_auth_data(
        self,
        session: Session,
        auth: v3.Auth,
        headers: dict[str, str],
        request_kwargs: dict[str, object],
        **kwargs: Any,
    ) -> tuple[str, dict[str, object]]:
        kerberos = library()
        tickets.current()
        request_kwargs["requests_auth"] = kerberos.HTTPKerberosAuth(
            mutual_authentication=getattr(kerberos, (self.mutual_auth or "required").upper()),
            # Only a success is worth forging; an error's text came over verified TLS.
            sanitize_mutual_error_response=False,
        )
        return "kerberos", {}


class Kerberos(v3.Auth):
    """Log in at `.../krb/v3` with the ticket at hand.

    Raises KerberosMissing (already when constructed), NoTicket, and Unauthorized with the reason.
    """

    _auth_method_class = KerberosMethod

    def __init__(
        self, auth_url: str, *, mutual_auth: str | None = None, **scope: Unpack[Scope]
    ) -> None:
        library()
        if mutual_auth and mutual_auth.lower() not in MUTUAL:
            raise exceptions.OptionError(f"mutual_auth must be one of {', '.join(MUTUAL)}")
        super().__init__(auth_url, [KerberosMethod(mutual_auth=mutual_auth)], **scope)

    def get_auth_ref(self, session: Session, **kwargs: Any) -> access.AccessInfoV3:
        log = logging.getLogger("requests_kerberos.kerberos_")
        quiet = _Quiet()
        log.addFilter(quiet)
        try:
            return super().get_auth_ref(session)
        except exceptions.Unauthorized as error:
            host = urlsplit(self.auth_url).hostname
            reason = quiet.reason or f"the ticket for HTTP/{host} was not accepted"
            said = error.message.removesuffix(f" (HTTP {error.http_status})")
            message = f"{said}; {reason}: run openstack gatestone doctor"
            raise exceptions.Unauthorized(message, response=error.response) from error
        except exceptions.SSLError as error:
            advice = cure(str(error), self.auth_url, certificate=False)
            raise exceptions.SSLError(f"{error}; {advice}") from error
        except exceptions.UnknownConnectionError as error:
            if not isinstance(error.original, library().exceptions.MutualAuthenticationError):
                raise
            raise exceptions.AuthorizationFailure(
                f"{self.auth_url} did not prove its identity (mutual authentication): report it to "
                "the operator; mutual_auth optional logs in without that proof"
            ) from error
        finally:
            log.removeFilter(quiet)


class _Quiet(logging.Filter):
    """Keeps the first line of a failure that requests-kerberos logs with its whole traceback."""

    reason = ""

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info:
            return record.levelno < logging.ERROR
        self.reason = str(record.exc_info[1]).splitlines()[0]
        return False
