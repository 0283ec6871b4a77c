"""`v3x509`: the proof is the certificate of the TLS connection; the body carries nothing."""

import os
from typing import Any, Unpack

from keystoneauth1 import access, exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from keystoneauth_gatestone.exceptions import NoCertificate, cure
from keystoneauth_gatestone.scope import Scope

Certificate = str | tuple[str, str]


class X509Method(v3.AuthMethod):
    """The method `external`. A certificate of its own is offered at the login and nowhere else;
    without one the session's serves.

    It has no cache id on purpose: openstacksdk would store the token under it, and the file of a
    certificate changes without the configuration, so one principal's token could reach another.
    """

    _method_parameters = ["x509_cert", "x509_key"]
    x509_cert: str | None
    x509_key: str | None

    def certificate(self, session: Session) -> Certificate | None:
        """A file that holds both parts, or (certificate, key), or None."""
        if not self.x509_cert:
            return session.cert
        certificate = os.path.expanduser(self.x509_cert)
        return (certificate, os.path.expanduser(self.x509_key)) if self.x509_key else certificate

    def files(self, session: Session) -> list[str]:
        certificate = self.certificate(session)
        if not certificate:
            return []
        return [certificate] if isinstance(certificate, str) else list(certificate)

    def get_auth_data(
        self,
        session: Session,
        auth: v3.Auth,
        headers: dict[str, str],
        request_kwargs: dict[str, object],
        **kwargs: Any,
    ) -> tuple[str, dict[str, object]]:
        """Raise NoCertificate before any request where none can be offered."""
        files = self.files(session)
        if not files:
            raise NoCertificate()
        for name in files:
            if not os.access(name, os.R_OK):
                raise NoCertificate(f"cannot read {name}: check OS_CERT and OS_KEY")
        if self.x509_cert:
            request_kwargs["cert"] = self.certificate(session)
        # A kept-alive connection goes on proving the certificate it was opened with, also after the
        # file was replaced (and, before requests 2.32, for another `cert` of the same session).
        headers["Connection"] = "close"
        return "external", {}


class X509(v3.Auth):
    """Log in at `.../x509/v3` with `x509_cert` and `x509_key`, or with the session's certificate.

    Raises NoCertificate, and the errors of keystoneauth1.identity.v3.Auth with advice added.
    """

    _auth_method_class = X509Method  # v3multifactor asks for it

    def __init__(
        self,
        auth_url: str,
        *,
        x509_cert: str | None = None,
        x509_key: str | None = None,
        **scope: Unpack[Scope],
    ) -> None:
        self._method = X509Method(x509_cert=x509_cert, x509_key=x509_key)
        self._shown: tuple[object, ...] | None = None
        super().__init__(auth_url, [self._method], **scope)

    def certificate(self, session: Session) -> Certificate | None:
        """What a login with this session would show."""
        return self._method.certificate(session)

    def get_auth_ref(self, session: Session, **kwargs: Any) -> access.AccessInfoV3:
        shown = self._stamp(session)
        try:
            auth_ref = super().get_auth_ref(session)
        except (exceptions.ConnectFailure, exceptions.SSLError) as error:
            advice = cure(str(error), self.auth_url, certificate=True)
            raise type(error)(f"{error}; {advice}") from error
        self._shown = shown
        return auth_ref

    def get_access(self, session: Session, **kwargs: Any) -> access.AccessInfo:
        """The token in hand, unless it was got with another certificate than is shown now."""
        now = self._stamp(session)
        if now and self._shown and now != self._shown:
            self.invalidate()
        return super().get_access(session)

    def _stamp(self, session: Session) -> tuple[object, ...] | None:
        """Tells one set of certificate files from another; None where none can be read."""
        try:
            found = [(name, os.stat(name)) for name in self._method.files(session)]
        except OSError:
            return None
        return tuple((name, s.st_dev, s.st_ino, s.st_mtime_ns, s.st_size) for name, s in found)
