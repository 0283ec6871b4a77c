"""What can go wrong before or at a login. Every message ends with what to do next."""

from keystoneauth1.exceptions.auth_plugins import AuthPluginException


class GatestoneError(AuthPluginException):
    """A login that cannot be tried, or that the gateway refused."""


class KerberosMissing(GatestoneError):
    """requests-kerberos cannot be imported."""

    message = (
        "Kerberos support is not installed: run pip install 'keystoneauth-gatestone[kerberos]' "
        "(Linux needs a C compiler and libkrb5-dev or krb5-devel for it)"
    )


class NoTicket(GatestoneError):
    """The credential cache holds no usable ticket."""

    message = "no Kerberos ticket: run kinit"


class NoCertificate(GatestoneError):
    """No client certificate was given, or its file cannot be read."""

    message = (
        "no client certificate: set OS_CERT and OS_KEY (in clouds.yaml: cert and key) "
        "to the PEM files of your certificate and its key"
    )


class NoPassword(GatestoneError):
    """The URL asks for a password and the selector plugin may not prompt for one."""

    message = (
        "this URL needs a user name and a password: set OS_USERNAME and OS_PASSWORD, or use "
        "auth_type password to be asked for it, or a URL that ends in /krb/v3 or /x509/v3"
    )


def cure(text: str, url: str, *, certificate: bool) -> str:
    """What to do about a connection that failed with `text`; `certificate` tells if one was shown.

    With TLS 1.3 a refused certificate shows as a broken connection, after the handshake.
    """
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "the gateway's own certificate is not trusted: set OS_CACERT to its CA file"
    if certificate and ("KEY_VALUES_MISMATCH" in text or "PEM" in text or "[SSL] " in text):
        return "check that OS_CERT and OS_KEY are PEM files that belong together"
    if certificate and any(word in text for word in ("alert", "aborted", "reset", "EOF")):
        return (
            "the gateway may have refused the certificate (expired, revoked or of a CA it does not "
            "know): run openstack gatestone doctor"
        )
    return f"check that {url} is right and reachable"
