"""The plugins in this process: what they send, whose token they hand out, what they say when refused."""

from __future__ import annotations

import datetime
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key
from keystoneauth1 import exceptions, loading
from keystoneauth1.session import Session
from keystoneauth_gatestone import checks
from keystoneauth_gatestone.exceptions import GatestoneError, NoCertificate, NoPassword, NoTicket

from tests.client.conftest import Site
from tests.client.stub import PASSWORDS
from tests.support.pki import Authority

SCOPE = {"project_name": "demo", "project_domain_id": "default"}


def plugin(name: str, **options: Any) -> Any:
    return loading.get_plugin_loader(name).load_from_options(**options)


def session(site: Site, person: str | None = None) -> Session:
    cert = (str(site.people / f"{person}.crt"), str(site.people / f"{person}.key")) if person else None
    return Session(verify=str(site.ca), cert=cert)


def name_of(auth: Any, session: Session) -> str | None:
    found = auth.get_access(session).username
    return str(found) if found else None


@pytest.mark.parametrize("kind", ["v3x509", "gatestone"])
def test_certificate_of_the_session(site: Site, kind: str) -> None:
    auth = plugin(kind, auth_url=site.stub.x509, **SCOPE)
    assert name_of(auth, session(site, "alice")) == "alice"
    (login,) = site.stub.logins
    assert login.body["auth"]["identity"] == {"methods": ["external"], "external": {}}


def test_own_certificate_goes_before_the_sessions(site: Site) -> None:
    own = {"x509_cert": str(site.people / "bob.crt"), "x509_key": str(site.people / "bob.key")}
    auth = plugin("v3x509", auth_url=site.stub.x509, **own)
    assert name_of(auth, session(site, "alice")) == "bob"
    assert "scope" not in site.stub.logins[0].body["auth"]


def test_second_factor_beside_the_certificate(site: Site) -> None:
    own = {"x509_cert": str(site.people / "bob.crt"), "x509_key": str(site.people / "bob.key")}
    totp = {"username": "bob", "user_domain_id": "default", "passcode": "123456"}
    auth = plugin("v3multifactor", auth_url=site.stub.x509, auth_methods=["v3x509", "v3totp"], **own, **totp)
    assert name_of(auth, session(site)) == "bob"
    assert site.stub.logins[0].body["auth"]["identity"]["methods"] == ["external", "totp"]
    assert auth.get_cache_id() is None


def test_one_session_for_two_certificates(site: Site) -> None:
    shared = session(site)
    for person in ("alice", "bob", "alice"):
        own = {"x509_cert": str(site.people / f"{person}.crt"), "x509_key": str(site.people / f"{person}.key")}
        assert name_of(plugin("v3x509", auth_url=site.stub.x509, **own), shared) == person


def test_one_plugin_for_two_sessions(site: Site) -> None:
    auth = plugin("v3x509", auth_url=site.stub.x509, **SCOPE)
    alice, bob = session(site, "alice"), session(site, "bob")
    assert name_of(auth, alice) == name_of(auth, alice) == "alice"
    assert len(site.stub.logins) == 1
    assert name_of(auth, bob) == "bob"
    assert name_of(auth, alice) == "alice"


def test_files_replaced_under_a_running_process(site: Site, tmp_path: Path) -> None:
    """As a certificate agent does it: new files under the old names, over a connection that could be kept alive."""

    def put(person: str) -> None:
        for end in ("crt", "key"):
            shutil.copy(site.people / f"{person}.{end}", tmp_path / f"new.{end}")
            os.replace(tmp_path / f"new.{end}", tmp_path / f"me.{end}")

    put("alice")
    me = Session(verify=str(site.ca), cert=(str(tmp_path / "me.crt"), str(tmp_path / "me.key")))
    auth = plugin("gatestone", auth_url=site.stub.x509, **SCOPE)
    assert name_of(auth, me) == "alice"
    put("bob")
    assert name_of(auth, me) == "bob"
    for end in ("crt", "key"):
        (tmp_path / f"me.{end}").unlink()
    assert name_of(auth, me) == "bob"  # no other certificate is shown, so the token stays good


@pytest.mark.parametrize("face", ["krb", "x509"])
def test_no_cache_id(site: Site, face: str) -> None:
    own = {"x509_cert": str(site.people / "alice.crt"), "x509_key": str(site.people / "alice.key")} if face == "x509" else {}
    assert plugin("gatestone", auth_url=getattr(site.stub, face), **own, **SCOPE).get_cache_id() is None


def test_kerberos_requires_mutual_authentication(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{site.people / 'alice'}.cc")
    assert name_of(plugin("gatestone", auth_url=site.stub.krb, **SCOPE), session(site)) == "alice"
    monkeypatch.setattr(site.stub, "accept", lambda header: ("alice@X" if header else None, ""))
    with pytest.raises(exceptions.AuthorizationFailure, match="did not prove its identity"):
        plugin("gatestone", auth_url=site.stub.krb).get_access(session(site))
    optional = plugin("gatestone", auth_url=site.stub.krb, mutual_auth="optional")
    assert name_of(optional, session(site)) == "alice"
    with pytest.raises(exceptions.OptionError, match="mutual_auth"):
        plugin("gatestone", auth_url=site.stub.krb, mutual_auth="sometimes")


def test_kerberos_refusals(site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    auth = plugin("gatestone", auth_url=site.stub.krb)
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{site.people}/nobody.cc")
    with pytest.raises(NoTicket, match="run kinit"):
        auth.get_access(session(site))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{site.people / 'alice'}.cc")
    monkeypatch.setattr(site.stub, "accept", lambda header: (None, ""))
    with pytest.raises(exceptions.Unauthorized, match=r"the stub knows nobody.*HTTP/localhost.*doctor"):
        auth.get_access(session(site))
    with pytest.raises(exceptions.SSLError, match="set OS_CACERT"):
        auth.get_access(Session())
    # No such service in the realm: the library's traceback becomes one line.
    elsewhere = site.stub.krb.replace("localhost", "127.0.0.1")
    with pytest.raises(exceptions.Unauthorized, match=r"(?i)not found in Kerberos database.*doctor"):
        plugin("gatestone", auth_url=elsewhere).get_access(Session(verify=str(site.ca)))
    assert not [record for record in caplog.records if record.exc_info and "kerberos" in record.name]


def test_selector_takes_passwords_and_tokens(site: Site) -> None:
    user = {"username": "alice", "user_domain_id": "default"}
    password = {"gatestone_password": PASSWORDS["alice"], "gatestone_token": "unused"}
    auth = plugin("gatestone", auth_url=site.stub.main, **user, **password, **SCOPE)
    assert name_of(auth, session(site)) == "alice"
    site.stub.tokens["t"] = "bob"
    assert name_of(plugin("gatestone", auth_url=site.stub.main, token="t", **SCOPE), session(site)) == "bob"
    with pytest.raises(NoPassword, match="OS_PASSWORD"):
        plugin("gatestone", auth_url=site.stub.main, **user)


def test_options(site: Site) -> None:
    options = {option.name: option for option in loading.get_plugin_options("gatestone")}
    assert {"auth-url", "username", "password", "token", "mutual-auth", "x509-cert", "x509-key", "trust-id"} <= set(options)
    assert not {"cert", "key", "cacert"} & set(options)
    assert not {"password", "token"} & {option.dest for option in options.values()}
    assert all(option.prompt is None for option in options.values())
    assert [option.name for option in options.values() if option.secret] == ["password", "token"]
    with pytest.raises(exceptions.MissingRequiredOptions):
        plugin("v3x509")
    for kind, url in (("v3x509", site.stub.x509), ("gatestone", site.stub.x509)):
        with pytest.raises(TypeError, match="x509_crt"):
            plugin(kind, auth_url=url, x509_crt="mistyped")


def test_certificate_refusals(site: Site, tmp_path: Path) -> None:
    auth = plugin("v3x509", auth_url=site.stub.x509)
    with pytest.raises(NoCertificate, match="set OS_CERT and OS_KEY"):
        auth.get_access(session(site))
    with pytest.raises(GatestoneError, match=r"cannot read /nowhere"):
        plugin("v3x509", auth_url=site.stub.x509, x509_cert="/nowhere").get_access(session(site))
    stranger, key = Authority("Elsewhere").issue_client("alice").write(tmp_path, "stranger")
    with pytest.raises(exceptions.ConnectionError, match=r"may have refused the certificate.*doctor"):
        auth.get_access(Session(verify=str(site.ca), cert=(str(stranger), str(key))))
    with pytest.raises(exceptions.ConnectionError, match="belong together"):
        auth.get_access(Session(verify=str(site.ca), cert=(str(stranger), str(site.people / "alice.key"))))
    with pytest.raises(exceptions.SSLError, match="set OS_CACERT"):
        auth.get_access(Session(verify=str(stranger), cert=(str(site.people / "alice.crt"), str(site.people / "alice.key"))))
    assert site.stub.logins == []


def test_doctor_reads_certificates(site: Site, tmp_path: Path) -> None:
    def result(cert: Path, key: Path) -> tuple[str, str]:
        config = {"auth_type": "gatestone", "auth": {"auth_url": site.stub.x509}, "cert": str(cert), "key": str(key)}
        return [(finding.result, finding.says) for finding in checks.local(config)][-1]

    assert result(site.people / "alice.crt", site.people / "alice.key")[0] == checks.OK
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    early = past - datetime.timedelta(days=1)
    old = Authority("Old").issue_client("alice", not_before=early, not_after=past).write(tmp_path, "old")
    assert result(*old)[0] == checks.FAIL
    assert "expired" in result(*old)[1]
    assert "OS_KEY" in result(site.people / "alice.crt", site.people / "bob.key")[1]
    locked = tmp_path / "locked.key"
    key = load_pem_private_key((site.people / "alice.key").read_bytes(), None)
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")))
    config = {"auth_type": "v3x509", "auth": {}, "cert": str(site.people / "alice.crt"), "key": str(locked)}
    assert "passphrase" in " ".join(finding.says for finding in checks.local(config))
    assert checks.FAIL not in {finding.result for finding in checks.local(config)}


def test_doctor_connects_as_the_login_does(site: Site) -> None:
    own = {"x509_cert": str(site.people / "bob.crt"), "x509_key": str(site.people / "bob.key")}
    found = list(checks.remote(session(site), plugin("v3x509", auth_url=site.stub.x509, **own)))
    assert [(finding.check, finding.result) for finding in found] == [("discovery", checks.OK), ("login", checks.OK)]


def test_doctor_does_not_hang_where_discovery_is_challenged(site: Site) -> None:
    user = {"username": "alice", "user_domain_id": "default", "password": PASSWORDS["alice"]}
    auth = plugin("password", auth_url=f"{site.stub.main}/projects", **user)  # the stub's one GET that wants a token
    (only,) = checks.remote(session(site), auth)
    assert (only.check, only.result) == ("discovery", checks.FAIL)
