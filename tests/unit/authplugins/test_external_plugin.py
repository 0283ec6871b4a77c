"""Method `external`: REMOTE_USER as a trusted hop sets it."""

from __future__ import annotations

import pytest

from authplugins.external import External
from identity.errors import Unauthorized
from identity.model.evidence import AuthenticatedIdentity, Evidence, Peer


def show(plugin: External, environ: dict[str, str]) -> AuthenticatedIdentity:
    return plugin.authenticate(Evidence("external", None, environ, Peer("127.0.0.1")))


def wsgi(text: str) -> str:
    return text.encode().decode("latin-1")


def test_the_whole_value_is_the_name_in_the_default_domain() -> None:
    found = show(External(domain_id="default"), {"REMOTE_USER": "alice@GATESTONE.TEST"})
    assert (found.method, found.name, found.domain_id, found.domain_name) == ("external", "alice@GATESTONE.TEST", "default", None)
    found = show(External(domain_name="Users"), {"REMOTE_USER": wsgi("zoë")})
    assert (found.name, found.domain_id, found.domain_name, found.not_after) == ("zoë", None, "Users", None)


def test_with_a_table_the_realm_decides_the_domain() -> None:
    plugin = External(domain_id="default", realms={"GATESTONE.TEST": "Default", "FOREIGN.TEST": "Partners"})
    assert show(plugin, {"REMOTE_USER": "alice@FOREIGN.TEST"}).domain_name == "Partners"
    found = show(plugin, {"REMOTE_USER": "alice@mail@GATESTONE.TEST"})
    assert (found.name, found.domain_name) == ("alice@mail", "Default")
    found = show(plugin, {"REMOTE_USER": "alice"})
    assert (found.name, found.domain_id) == ("alice", "default")


@pytest.mark.parametrize("value", ["alice@EVIL.TEST", "alice@gatestone.test", "alice@", "@GATESTONE.TEST"])
def test_an_unknown_realm_is_refused(value: str) -> None:
    with pytest.raises(Unauthorized):
        show(External(domain_id="default", realms={"GATESTONE.TEST": "Default"}), {"REMOTE_USER": value})


@pytest.mark.parametrize("environ", [{}, {"REMOTE_USER": ""}, {"HTTP_REMOTE_USER": "alice"}, {"HTTP_X_REMOTE_USER": "alice"}])
def test_without_remote_user_nobody_is_proven(environ: dict[str, str]) -> None:
    with pytest.raises(Unauthorized, match="no trusted hop"):
        show(External(domain_id="default"), environ)


@pytest.mark.parametrize("value", [" alice", "alice\n", "al\0ice", "a" * 256, "\xff\xfe", "Ā", wsgi("alice\u202e")])
def test_a_name_that_cannot_be_one_is_refused(value: str) -> None:
    with pytest.raises(Unauthorized):
        show(External(domain_id="default"), {"REMOTE_USER": value})


def test_it_may_stand_for_the_method_that_the_web_server_took() -> None:
    assert show(External(domain_id="default", method="kerberos"), {"REMOTE_USER": "alice"}).method == "kerberos"
